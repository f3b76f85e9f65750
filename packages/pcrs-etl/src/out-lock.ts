import { randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { startOf } from 'pcrs-cli/alive';
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
    const mine = { pid, host: hostname(), since: new Date().toISOString(), started: startOf(pid) };
    while (!(await create(path, JSON.stringify(mine)))) await removeIfStale(path, folder);
  } catch (error) {
    if ((error as { code?: string }).code?.startsWith('PCRS_')) throw error;
    throw codedError('PCRS_MACHINE', `${folder}: ${(error as Error).message}`);
  }
  return () => rm(path, { force: true });
}

/** Makes the lock with its text in it at once: an empty one would look like what a crash has torn. */
async function create(path: string, text: string): Promise<boolean> {
  const beside = `${path}.${randomUUID()}`;
  await writeFile(beside, text, { mode: 0o600 });
  try {
    await link(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(beside, { force: true });
  }
}

async function removeIfStale(path: string, folder: string): Promise<void> {
  const holder = parseHolder(await readFile(path, 'utf8').catch(() => ''));
  if (holder && (holder.host !== hostname() || isAtWork(holder))) {
    const who = `pid ${holder.pid} on ${holder.host}, since ${holder.since}`;
    throw codedError(
      'PCRS_MACHINE',
      `${folder}: another pcrs-etl is at work there (${who}); if it is not, remove ${path}`,
    );
  }
  await rm(path, { force: true });
}

interface Holder {
  pid: number;
  host: string;
  since: string;
  started: string | undefined;
}

/** In a container that starts anew under its old name, numbers come again. */
function isAtWork({ pid, started }: Holder): boolean {
  const now = startOf(pid);
  return now !== undefined && (now === started || now === '' || started === undefined);
}

function parseHolder(text: string): Holder | undefined {
  try {
    const { pid, host, since, started } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number') return undefined;
    return {
      ...{ pid, host: String(host), since: String(since) },
      started: typeof started === 'string' ? started : undefined,
    };
  } catch {
    return undefined;
  }
}
