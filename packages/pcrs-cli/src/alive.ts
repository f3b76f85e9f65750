import { readFileSync } from 'node:fs';

/**
 * When a process of this machine started, so that it is told apart from a later one that gets its number.
 *
 * Yields  what Linux counts, or '' where the system does not tell; undefined where the process is gone, or dead and only
 *         its parent has not asked yet: in a container whose first process never does, for good
 */
export function startOf(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return undefined;
  }
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The name, which may hold anything, ends at the last parenthesis.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return /^[ZX]/.test(fields[0] ?? '') ? undefined : (fields[19] ?? '');
  } catch {
    return '';
  }
}
