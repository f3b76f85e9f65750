import { closeSync, futimesSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { createFile } from './file.ts';
import { codeOf, machineError } from './machine-error.ts';
import { type Holder, thisProcess, uniqueName } from './process-alive.ts';

/** Holder of a lock, as its file says. */
export interface Claim extends Holder {
  host: string;
  /** ISO 8601, UTC. */
  since: string;
  /** Unique to this claim. */
  nonce: string;
  /** Nonce of the lock above this one: that of the folder of an archive. */
  under?: string | undefined;
}

/** Content of a lock file at one moment; while `text` does not change, its holder shows no heartbeat. */
export interface Seen {
  text: string;
  /** Undefined for a torn file. */
  claim: Claim | undefined;
}

/*
 * A lock file has two lines: the claim as JSON, never changed, and a counter that its holder advances in place. A
 * counter is a heartbeat that needs no clock, neither the holder's nor the waiter's.
 */
const counterDigits = 10;

/** A claim of this process. */
export function newClaim(host: string, under?: string): Claim {
  return { ...thisProcess(), host, since: new Date().toISOString(), nonce: uniqueName(), under };
}

/** Takes a free lock; false if it is held. Throws PCRS_MACHINE if the file cannot be made. */
export function tryToClaim(path: string, claim: Claim): boolean {
  return createFile(path, `${JSON.stringify(claim)}\n${'0'.repeat(counterDigits)}`);
}

/** The lock as it is now; undefined if nobody holds it. */
export function look(path: string): Seen | undefined {
  try {
    const text = readFileSync(path, 'utf8');
    return { text, claim: parseClaim(text) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw machineError(path, error);
  }
}

/**
 * Writes a heartbeat.
 *
 * Yields  false if this claim no longer holds the lock
 * Throws  the file system's error
 */
export function beat(path: string, nonce: string): boolean {
  let file: number;
  try {
    file = openSync(path, 'r+');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
  try {
    const text = readFileSync(file, 'utf8');
    if (parseClaim(text)?.nonce !== nonce) return false;
    const at = text.indexOf('\n') + 1;
    const count = (Number(text.slice(at)) + 1) % 10 ** counterDigits;
    writeSync(file, String(count).padStart(counterDigits, '0'), Buffer.byteLength(text.slice(0, at)));
    futimesSync(file, new Date(), new Date());
    return true;
  } finally {
    closeSync(file);
  }
}

/** Releases a lock if this claim still holds it. */
export function giveBack(path: string, nonce: string): void {
  if (look(path)?.claim?.nonce === nonce) rmSync(path, { force: true });
}

/**
 * Removes the lock of a holder that is gone, unless somebody else has replaced it meanwhile. Only one process at a
 * time may do so: the one that made the grave file.
 *
 * Yields  false if another process is removing it, or died doing so; remove the grave after a while then
 */
export function bury(path: string, seen: Seen): boolean {
  const grave = graveOf(path, seen);
  if (!createFile(grave, '')) return false;
  try {
    if (look(path)?.text === seen.text) rmSync(path, { force: true });
  } finally {
    rmSync(grave, { force: true });
  }
  return true;
}

/** Removes a grave, so that a lock can be buried after another process died doing so. */
export function removeGrave(path: string, seen: Seen): void {
  rmSync(graveOf(path, seen), { force: true });
}

function graveOf(path: string, { claim }: Seen): string {
  return `${path}.${claim?.nonce ?? 'torn'}.stale`;
}

function parseClaim(text: string): Claim | undefined {
  try {
    const claim = JSON.parse(text.slice(0, text.indexOf('\n'))) as Claim;
    const { pid, machine, nonce } = claim;
    if (typeof pid !== 'number' || typeof machine !== 'string' || typeof nonce !== 'string') return undefined;
    return /^[\w-]+$/.test(nonce) ? claim : undefined;
  } catch {
    return undefined;
  }
}
