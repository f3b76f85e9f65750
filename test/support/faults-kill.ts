import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Ended, Place } from './programs.ts';

/** A pipe whose programs can be killed one by one: names and commands in pipe order. */
export type Pipe = readonly (readonly [name: string, command: string])[];

/** Result of a pipe. */
export interface PipeEnded extends Ended {
  /** Exit statuses by name. */
  statuses: Record<string, number>;
  /** The program that was killed, if it was still there. */
  killed: string | undefined;
}

/** Which program gets a SIGKILL, and when: this long after it has started and the moment has come. */
export interface Kill {
  name: string;
  ready(): boolean;
  afterMs: number;
}

/** Runs a pipe in a folder; with `kill`, kills one of its programs midway. */
export async function runPipe(
  place: Place,
  cwd: string,
  env: Record<string, string>,
  pipe: Pipe,
  kill?: Kill,
): Promise<PipeEnded> {
  const begin = 'begin() { echo $BASHPID > "$1.pid"; shift; exec "$@"; }; rm -f *.pid';
  const commands = pipe.map(([name, command]) => `begin ${name} ${command}`).join(' | ');
  const line = `${begin}; ${commands} > last; echo "\${PIPESTATUS[@]}"`;
  const running = place.bash(line, { cwd, env });
  const killed = kill === undefined ? undefined : await strike(cwd, kill, running);
  const ended = await running;
  const codes = ended.stdout.trim().split(' ').map(Number);
  const statuses = Object.fromEntries(pipe.map(([name], index) => [name, codes[index]!]));
  return { ...ended, statuses, killed: killed && statuses[killed] === 137 ? killed : undefined };
}

async function strike(
  cwd: string,
  { name, ready, afterMs }: Kill,
  running: Promise<unknown>,
): Promise<string> {
  let over = false;
  void running.finally(() => {
    over = true;
  });
  const file = join(cwd, `${name}.pid`);
  const isThere = () => existsSync(file) && readFileSync(file, 'utf8').endsWith('\n');
  while (!over && !(ready() && isThere())) await sleep(2);
  await sleep(afterMs);
  if (over) return name;
  try {
    process.kill(Number(readFileSync(file, 'utf8')), 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
  return name;
}
