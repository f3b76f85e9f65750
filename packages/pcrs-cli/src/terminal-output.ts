import { spelledOut } from 'pcrs-records/terminal-text';
import type { Output } from './output.ts';
import type { Paint } from './paint.ts';

/**
 * An output for a terminal: characters that would move its cursor or reverse its text are written as escapes
 * (\u009b), which JSON reads back unchanged. A pipe or a file gets every byte as it is.
 *
 * Takes  clear  takes the live line of the progress away before anything is written
 */
export function terminalOutput(output: Output, paint: Paint, clear: () => void): Output {
  const safe = (chunk: Uint8Array | string): string => {
    const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('utf8');
    return text.split('\n').map(spelledOut).join('\n');
  };
  const write = (text: string) => {
    clear();
    return output.write(text);
  };
  return {
    ...output,
    write: (chunk) => write(safe(chunk)),
    verdict: (verdict, line) => write(`${paint(verdict, spelledOut(line))}\n`),
  };
}
