import { createHash, randomUUID } from 'node:crypto';
import { type FileHandle, link, mkdir, open, readFile, rename, rm, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { isGone, startOf, thisProcess } from '../process-alive.ts';

/** A failure of this machine (status 1), told with the place it struck. */
export function machineError(place: string, error: unknown): Error {
  if ((error as { code?: unknown }).code === 'PCRS_MACHINE') return error as Error;
  return archiveError('PCRS_MACHINE', `${place}: ${(error as Error).message}`);
}

export function archiveError(
  code: 'PCRS_MACHINE' | 'PCRS_USAGE' | 'PCRS_INCOMPLETE',
  message: string,
): Error {
  return Object.assign(new Error(message), { code });
}

/** Makes names in a directory last through a crash. Windows cannot, and has no need to. */
export async function syncDirectory(directory: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(directory, 'r');
    await handle.sync();
  } catch (error) {
    if (!['EISDIR', 'EPERM', 'EACCES', 'EINVAL'].includes((error as { code: string }).code)) throw error;
  } finally {
    await handle?.close();
  }
}

/** Writes a whole file beside its place and renames it, so that its name never stands for half of it. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const beside = `${path}.${randomUUID()}.part`;
  const handle = await open(beside, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(beside, path);
}

/** A file that only grows, by whole lines, one after another. */
export class LineFile {
  readonly #handle: FileHandle;
  #turn: Promise<void> = Promise.resolve();

  constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Takes  durable  the line is to survive a crash of the machine from here on */
  append(line: string, durable: boolean): Promise<void> {
    const written = this.#turn.then(async () => {
      await this.#handle.appendFile(`${line}\n`);
      if (durable) await this.#handle.sync();
    });
    this.#turn = written.catch(() => {});
    return written;
  }

  async close(): Promise<void> {
    await this.#turn;
    await this.#handle.close();
  }
}

/**
 * Keeps other processes out of a directory until it is let go of; one whose process is gone is taken over.
 *
 * Throws  PCRS_USAGE where another process holds it
 */
export async function lockDirectory(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, 'lock');
  const { pid, machine } = thisProcess();
  const mine = JSON.stringify({ pid, machine, started: startOf(pid), nonce: randomUUID() });
  for (let turn = 0; ; turn += 1) {
    if (await create(path, mine)) break;
    const text = await readFile(path, 'utf8').catch(() => undefined);
    if (text === undefined) continue;
    const holder = parseHolder(text);
    const lives = holder !== undefined && !isGone(holder) && !isAnother(holder);
    if (turn > 10 || lives) {
      const who =
        holder === undefined ? 'another process' : `process ${holder.pid} on ${holder.machine.split(' ')[0]}`;
      throw archiveError('PCRS_USAGE', `${directory}: in use by ${who}; if that is not so, remove ${path}`);
    }
    await bury(path, text);
  }
  return async () => {
    if ((await readFile(path, 'utf8').catch(() => '')) === mine) await rm(path, { force: true });
  };
}

/** Makes the lock with its text in it at once: one that is still empty would look like a dead process's. */
async function create(path: string, text: string): Promise<boolean> {
  const beside = `${path}.${randomUUID()}.part`;
  const handle = await open(beside, 'wx', 0o600);
  try {
    await handle.writeFile(text);
    await link(beside, path);
    return true;
  } catch (error) {
    if ((error as { code: string }).code === 'EEXIST') return false;
    throw error;
  } finally {
    await handle.close();
    await rm(beside, { force: true });
  }
}

/** Removes a dead process's lock, but not one that somebody else put in its place meanwhile: a name is moved by one process only. */
async function bury(path: string, text: string): Promise<void> {
  const grave = `${path}.${createHash('sha256').update(text).digest('hex').slice(0, 16)}.part`;
  try {
    await mkdir(grave);
  } catch {
    return;
  }
  try {
    if ((await readFile(path, 'utf8').catch(() => undefined)) === text) await unlink(path);
  } finally {
    await rm(grave, { recursive: true, force: true });
  }
}

interface LockHolder {
  pid: number;
  machine: string;
  /** When it started, in the system's own count; null where that is not told. */
  started: string | null;
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const { pid, machine, started } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof machine !== 'string') return undefined;
    return { pid, machine, started: typeof started === 'string' ? started : null };
  } catch {
    return undefined;
  }
}

/** Whether the number now belongs to another process: they come round within minutes on a busy machine. */
function isAnother({ pid, machine, started }: LockHolder): boolean {
  if (started === null || machine !== thisProcess().machine) return false;
  const now = startOf(pid);
  return now !== null && now !== started;
}
