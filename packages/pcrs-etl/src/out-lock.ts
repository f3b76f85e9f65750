import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isAlive } from 'pcrs-cli/alive';
import { codedError } from 'pcrs-records/errors';

/**
 * Makes a folder ours for as long as a run takes.
 *
 * Yields  what gives it back
 * Throws  PCRS_MACHINE where another process that is alive has it, or the folder cannot be made
 */
export async function lockFolder(folder: string, pid: number): Promise<() => Promise<void>> {
  const path = join(folder, '.lock');
  try {
    await mkdir(folder, { recursive: true });
    while (
      !(await create(path, JSON.stringify({ pid, host: hostname(), since: new Date().toISOString() })))
    ) {
      await removeIfStale(path, folder);
    }
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('PCRS_')) throw error;
    throw codedError('PCRS_MACHINE', `${folder}: ${(error as Error).message}`);
  }
  return () => rm(path, { force: true });
}

async function create(path: string, text: string): Promise<boolean> {
  try {
    const file = await open(path, 'wx', 0o600);
    await file.writeFile(text);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

async function removeIfStale(path: string, folder: string): Promise<void> {
  const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''));
  if (holder && (holder.host !== hostname() || isAlive(holder.pid))) {
    const who = `pid ${holder.pid} on ${holder.host}, since ${holder.since}`;
    throw codedError(
      'PCRS_MACHINE',
      `${folder}: another pcrs-etl is at work there (${who}); if it is not, remove ${path}`,
    );
  }
  await rm(path, { force: true });
}

function parseHolder(text: string): { pid: number; host: string; since: string } | undefined {
  try {
    const { pid, host, since } = JSON.parse(text) as Record<string, unknown>;
    return typeof pid === 'number' ? { pid, host: String(host), since: String(since) } : undefined;
  } catch {
    return undefined;
  }
}
