/**
 * Whether another tool already reported the error on this stderr: one failure, one line. Never for a file. `pcrs-etl`
 * knows that its tools share one stderr, so its sink need not name the failed stage again.
 */
export function wasTold(error: unknown, stdinIsFile: boolean): boolean {
  const told = error as { toldBefore?: boolean; toldByStage?: boolean } | null;
  if (told?.toldByStage === true && process.env['PCRS_PARENT_PID'] !== undefined) return true;
  return told?.toldBefore === true && !stdinIsFile;
}
