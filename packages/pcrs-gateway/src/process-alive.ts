import { readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { kill, pid } from 'node:process';

/** Who holds a lock or a slot: a process, and the machine (or container) that its number means something on. */
export interface Holder {
  pid: number;
  machine: string;
}

let machine: string | undefined;

/** This process. */
export function thisProcess(): Holder {
  machine ??= `${hostname()} ${pidNamespace()}`;
  return { pid, machine };
}

/** Whether a holder is known to be gone; of processes elsewhere nothing is known. */
export function isGone(holder: Holder): boolean {
  if (holder.machine !== thisProcess().machine) return false;
  try {
    kill(holder.pid, 0);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'ESRCH';
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
