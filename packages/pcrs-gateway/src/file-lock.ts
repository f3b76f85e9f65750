import { closeSync, openSync, readFileSync, statSync, unlinkSync, utimesSync, writeSync } from 'node:fs';
import { type Holder, isGone, thisProcess, uniqueName } from './process-alive.ts';
import { sleep } from './sleep.ts';

/** A live holder shows itself every 5 s; one that was silent for 30 s has lost the lock. */
const heartbeatMs = 5000;
const staleMs = 30_000;
/** A lock without its holder's name: that process died between two system calls. */
const namelessStaleMs = 2000;

/**
 * Runs `work` while no other process of this user runs under the same lock file.
 *
 * A lock whose process is gone is taken over at once. Taking over is itself done by one process only: it creates a
 * second file named after the dead holder's nonce, which nobody else can create, and only then removes the lock.
 *
 * Throws  what `work` throws; the file system's error where no file can be made; the signal's reason while waiting
 */
export async function withFileLock<T>(
  path: string,
  signal: AbortSignal,
  work: () => T | Promise<T>,
): Promise<T> {
  const mine = JSON.stringify({ ...thisProcess(), nonce: uniqueName() });
  for (let waitMs = 1; !create(path, mine); waitMs = Math.min(50, waitMs * 1.5)) {
    removeIfStale(path);
    await sleep(waitMs * (0.5 + Math.random()), signal);
  }
  const heartbeat = setInterval(() => touch(path), heartbeatMs);
  heartbeat.unref();
  try {
    return await work();
  } finally {
    clearInterval(heartbeat);
    if (read(path)?.text === mine) remove(path);
  }
}

function create(path: string, text: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return false;
    throw error;
  }
  try {
    writeSync(file, text);
    return true;
  } catch (error) {
    remove(path);
    throw error;
  } finally {
    closeSync(file);
  }
}

function removeIfStale(path: string): void {
  const seen = read(path);
  if (!seen || !isStale(seen)) return;
  const grave = `${path}.${seen.identity}.stale`;
  try {
    if (!create(grave, '')) {
      // The process that was burying this one may have died too.
      if (Date.now() - (read(grave)?.changedMs ?? Date.now()) > namelessStaleMs) remove(grave);
      return;
    }
  } catch {
    return;
  }
  if (read(path)?.identity === seen.identity) remove(path);
  remove(grave);
}

interface Seen {
  text: string;
  identity: string;
  holder: Holder | undefined;
  changedMs: number;
}

function read(path: string): Seen | undefined {
  try {
    const { mtimeMs, ino } = statSync(path);
    const text = readFileSync(path, 'utf8');
    const holder = parseHolder(text);
    return { text, holder, identity: holder?.nonce ?? `${ino}-${mtimeMs}`, changedMs: mtimeMs };
  } catch {
    return undefined;
  }
}

function parseHolder(text: string): (Holder & { nonce: string }) | undefined {
  try {
    const { pid, machine, nonce } = JSON.parse(text) as Record<string, unknown>;
    if (typeof pid !== 'number' || typeof machine !== 'string' || typeof nonce !== 'string') return undefined;
    return /^[\w-]+$/.test(nonce) ? { pid, machine, nonce } : undefined;
  } catch {
    return undefined;
  }
}

function isStale(seen: Seen): boolean {
  const ageMs = Date.now() - seen.changedMs;
  if (!seen.holder) return ageMs > namelessStaleMs;
  return isGone(seen.holder) || ageMs > staleMs;
}

function touch(path: string): void {
  try {
    utimesSync(path, new Date(), new Date());
  } catch {
    // Taken over, or the file system is gone; the work goes on, and its end will find out.
  }
}

function remove(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody else was faster.
  }
}
