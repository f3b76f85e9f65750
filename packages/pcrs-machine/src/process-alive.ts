import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** The process that holds a lock or a slot, and where its pid is valid. */
export interface Holder {
  pid: number;
  /** The pid's scope: one boot of one machine, or one container. */
  machine: string;
  /** Start time in the system's own unit, because pids are reused. Null if unknown. */
  started: string | null;
}

// The global `process`: importing node:process opens everything in it, stdin included, which takes 5 ms.

let self: Holder | undefined;
let procIsOurs = false;

/** This process. */
export function thisProcess(): Holder {
  if (self === undefined) {
    // In a container without its own /proc, the pids there are from another namespace.
    procIsOurs = link('/proc/self') === String(process.pid);
    self = { pid: process.pid, machine: machineName(), started: startOf(process.pid) };
  }
  return self;
}

/** Whether a holder's pid is valid here, so that it can be checked. */
export function isHere(holder: Holder): boolean {
  return holder.machine === thisProcess().machine;
}

/** Whether a holder is known to be gone; false for a process elsewhere. */
export function isGone(holder: Holder): boolean {
  if (!isHere(holder)) return false;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH';
  }
  if (isZombie(holder.pid)) return true;
  const now = startOf(holder.pid);
  return now !== null && Boolean(holder.started) && now !== holder.started;
}

/**
 * A name that no process of this machine has made before: for locks, slots and temporary files, not for secrets.
 * Node's crypto has such names too, but takes 5 ms to load.
 */
export function uniqueName(): string {
  return [process.pid, Date.now(), Math.random()]
    .map((number) => number.toString(36).replace('0.', ''))
    .join('-');
}

function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null;
}

/** Dead, but not collected by its parent: for good, in a container whose first process never does so. */
function isZombie(pid: number): boolean {
  return /^[ZX]/.test(statOf(pid)?.[0] ?? '');
}

/** Fields of /proc/PID/stat from the state on. They follow the name, which may hold any character. */
function statOf(pid: number): string[] | undefined {
  const stat = procIsOurs ? text(`/proc/${pid}/stat`) : undefined;
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Boot id and PID namespace, if the system has them. Host names are reused, by the next container too. */
function machineName(): string {
  const boot = text('/proc/sys/kernel/random/boot_id')?.trim() || hostname();
  return `${boot} ${link('/proc/self/ns/pid') ?? ''}`;
}

function text(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch {
    return undefined;
  }
}
