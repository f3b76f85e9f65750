import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Who holds a lock or a slot: a process, and the machine (or container) that its number means something on. */
export interface Holder {
  pid: number;
  machine: string;
}

// `process` is used as it is: importing node:process opens all that it has, stdin too, which takes 5 ms.

let machine: string | undefined;

/** This process. */
export function thisProcess(): Holder {
  machine ??= `${hostname()} ${pidNamespace()}`;
  return { pid: process.pid, machine };
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

/** Whether a holder is known to be gone; of processes elsewhere nothing is known. */
export function isGone(holder: Holder): boolean {
  if (holder.machine !== thisProcess().machine) return false;
  try {
    process.kill(holder.pid, 0);
    return isZombie(holder.pid);
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH';
  }
}

/** When a process started, as Linux counts it; null elsewhere. Numbers are given out again. */
export function startOf(pid: number): string | null {
  return statOf(pid)?.[19] ?? null;
}

/** Dead, and its parent has not asked yet: in a container whose first process never does, for good. */
function isZombie(pid: number): boolean {
  return /^[ZX]/.test(statOf(pid)?.[0] ?? '');
}

/** The fields of Linux's account of a process from its state on: they stand behind the name, which may hold anything. */
function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return undefined;
  }
}

/** Two containers may share a host name and a state directory, but not their process numbers. */
function pidNamespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}
