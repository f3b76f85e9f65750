// The terminal cast in docs/pictures/cast.svg: runs the commands below in a real terminal against a simulator, and
// draws what it showed. Needs `script` of util-linux.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePlace, type Place } from '../test/support/programs.ts';
import { castSvg, type Frame, Screen } from './cast-svg.ts';
import { root } from './run-program.ts';

const size = { columns: 80, rows: 24 };
const commands = [
  'pcrs etl --out posture --evidence > loaded.json',
  'pcrs status posture',
  'pcrs from-sqlite --posture-status Failed posture |\n  pcrs to-csv --columns netBios,controlId,criticality_label > failed.csv',
  'head -4 failed.csv',
  'pcrs report posture > report.html',
];

/** A pause is shown for at most this time. */
const longestMs = 900;
const typingMs = 45;

const place = await makePlace('cast', { policies: 12, hosts: 60, rateLimit: 'off' });
try {
  const cwd = place.folder();
  const screen = new Screen(size.columns, size.rows);
  const frames: Frame[] = [];
  for (const command of commands) {
    type(screen, frames, command);
    await show(screen, frames, place, cwd, command);
  }
  screen.write('$ ');
  frames.push({ lines: screen.lines(), ms: 4000 });
  writeFileSync(join(root, 'docs', 'pictures', 'cast.svg'), castSvg(frames, size));
} finally {
  await place.close();
}

/** The prompt, and the command as if it were typed, a few letters a frame. */
function type(screen: Screen, frames: Frame[], command: string): void {
  screen.write('$ ');
  for (let at = 0; at < command.length; at += 4) {
    screen.write(command.slice(at, at + 4).replace('\n', '\r\n'));
    frames.push({ lines: screen.lines(), ms: 4 * typingMs });
  }
  screen.write('\r\n');
}

/** Runs a command in a terminal of our size; a frame for each piece of output. */
async function show(
  screen: Screen,
  frames: Frame[],
  { env }: Place,
  cwd: string,
  command: string,
): Promise<void> {
  const line = `stty cols ${size.columns} rows ${size.rows}; ${command}`;
  const child = spawn('script', ['--quiet', '--return', '--command', line, '/dev/null'], {
    cwd,
    env: { ...env, TERM: 'xterm-256color' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let at = performance.now();
  for await (const chunk of child.stdout) {
    const now = performance.now();
    frames.push({ lines: screen.lines(), ms: Math.min(longestMs, now - at) });
    at = now;
    screen.write(String(chunk));
  }
  frames.push({ lines: screen.lines(), ms: longestMs });
}
