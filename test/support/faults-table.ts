import assert from 'node:assert/strict';
import { after, suite, test } from 'node:test';

/** One cell of a matrix: its work, and whether it mostly waits. */
export interface Case {
  /** Its row. */
  row: string;
  column: string;
  slow: boolean;
  /** Yields the table's entry. Throws if the contract is broken. */
  run(): Promise<string>;
}

/** Waiting cases run in parallel with each other and with working ones. */
const waitingAtOnce = 12;
const workingAtOnce = 4;

/** The first row waits for the cases of all of them. */
const patienceMs = 30 * 60_000;

/** Declares a test for each row of a matrix, and prints the table at the end. */
export function matrix(title: string, columns: readonly string[], cases: readonly Case[]): void {
  const results = new Map<Case, PromiseSettledResult<string>>();
  let done: Promise<unknown> | undefined;
  const runAll = () =>
    Promise.all([
      inParallel(
        waitingAtOnce,
        cases.filter(({ slow }) => slow),
        results,
      ),
      inParallel(
        workingAtOnce,
        cases.filter(({ slow }) => !slow),
        results,
      ),
    ]);
  suite(title, () => {
    for (const row of new Set(cases.map((one) => one.row))) {
      test(row, { timeout: patienceMs }, async () => {
        done ??= runAll();
        await done;
        const failures = cases
          .filter((one) => one.row === row)
          .map((one) => ({ column: one.column, result: results.get(one)! }))
          .filter(({ result }) => result.status === 'rejected')
          .map(
            ({ column, result }) =>
              `${column}: ${((result as PromiseRejectedResult).reason as Error).message}`,
          );
        assert.equal(failures.join('\n'), '');
      });
    }
  });
  after(() => {
    const cell = (row: string, column: string): string => {
      const one = cases.find((candidate) => candidate.row === row && candidate.column === column);
      const result = one && results.get(one);
      if (result === undefined) return '–';
      return result.status === 'fulfilled' ? result.value : 'BROKEN';
    };
    const rows = [...new Set(cases.map(({ row }) => row))];
    const lines = rows.map((row) => [row, ...columns.map((column) => cell(row, column))]);
    const kept = [...results.values()].filter(({ status }) => status === 'fulfilled').length;
    process.stdout.write(`${tableLines([[title, ...columns], ...lines]).join('\n')}\n`);
    process.stdout.write(`${kept} of ${cases.length} cases as promised\n`);
  });
}

async function inParallel(
  atOnce: number,
  cases: readonly Case[],
  results: Map<Case, PromiseSettledResult<string>>,
): Promise<void> {
  const queue = cases.values();
  const worker = async (): Promise<void> => {
    for (const one of queue) {
      const [result] = await Promise.allSettled([one.run()]);
      results.set(one, result);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

/** Lines of a table with columns as narrow as possible. */
export function tableLines(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, index) => cell.padEnd(widths[index]!))
      .join(' | ')
      .trimEnd(),
  );
}
