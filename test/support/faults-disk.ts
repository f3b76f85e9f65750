import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

/** A small disk of its own; needs root and Linux. */
export interface SmallDisk {
  path: string;
  grow(size: string): void;
  readOnly(on: boolean): void;
  unmount(): void;
}

/** Mounts a disk of this size (`512k`); undefined if this machine does not allow it. */
export function smallDisk(path: string, size: string): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  mkdirSync(path, { recursive: true });
  if (!mount('-t', 'tmpfs', '-o', `size=${size},mode=0777`, 'tmpfs', path)) return undefined;
  return {
    path,
    grow: (more) => {
      if (!mount('-o', `remount,size=${more}`, path)) throw new Error(`${path} does not grow`);
    },
    readOnly: (on) => {
      if (!mount('-o', `remount,${on ? 'ro' : 'rw'}`, path)) throw new Error(`${path} stays as it is`);
    },
    unmount: () => void spawnSync('umount', ['--lazy', path]),
  };
}

function mount(...args: string[]): boolean {
  return spawnSync('mount', args).status === 0;
}
