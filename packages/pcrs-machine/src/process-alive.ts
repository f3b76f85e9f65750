import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds a lock or a slot: a process, and where its number means something. */
export interface Holder {
  pid: number;
  /** Names a space of process numbers: one boot of one machine, one container. */
  machine: string;
  /** When the process started, in the system's own count: numbers are given out again. Null where that is unknown. */
  started: string | null;
}

// `process` is used as it is: importing node:process opens all that it has, stdin too, which takes 5 ms.

let self: Holder | undefined;
let procIsOurs = false;

/** This process. */
export function thisProcess(): Holder {
  if (self === undefined) {
    // Without a /proc of its own, a container sees the numbers of another space there.
    procIsOurs = link('/proc/self') === String(process.pid);
    self = { pid: process.pid, machine: machineName(), started: startOf(process.pid) };
  }
  return self;
}

/** Whether a holder is in the space of this process's numbers, so that it can be seen alive or gone. */
export function isHere(holder: Holder): boolean {
  return holder.machine === thisProcess().machine;
}

/** Whether a holder is known to be gone; nothing is known of processes elsewhere. */
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
 * A name that no process of this machine has given before: for locks, slots and temporary files, not for secrets.
 * Node's cryptography, which has such names, takes 5 ms to load.
 */
export function uniqueName(): string {
  return [process.pid, Date.now(), Math.random()]
    .map((number) => number.toString(36).replace('0.', ''))
    .join('-');
}

function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null;
}

/** Dead, and its parent has not asked yet: in a container whose first process never does, for good. */
function isZombie(pid: number): boolean {
  return /^[ZX]/.test(statOf(pid)?.[0] ?? '');
}

/** The fields of Linux's account of a process from its state on: they stand behind the name, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  const stat = procIsOurs ? text(`/proc/${pid}/stat`) : undefined;
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** A boot and a PID namespace, where the system names them; host names are given out again, to the next container too. */
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
