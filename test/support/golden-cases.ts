import { existsSync, globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type SimulatorOptions, startSimulator } from 'pcrs-simulator';
import { root } from '../../scripts/run-program.ts';
import { bash, type Place } from './programs.ts';

/** Files of a case besides its `cmd`, written by `pnpm golden`. */
export type Golden = Record<'stdout' | 'stderr' | 'status', string>;

const folder = join(root, 'test', 'cases');

/** The cases, `tool/behaviour`, or those that start with a prefix. */
export function caseNames(prefix = ''): string[] {
  return globSync('*/*/cmd', { cwd: folder })
    .map((path) => path.split(/[\\/]/).slice(0, 2).join('/'))
    .filter((name) => name.startsWith(prefix))
    .sort();
}

/** The recorded output of a case; undefined if it was never recorded. */
export function recorded(name: string): Golden | undefined {
  if (!existsSync(join(folder, name, 'status'))) return undefined;
  return { stdout: read(name, 'stdout'), stderr: read(name, 'stderr'), status: read(name, 'status') };
}

/** Records the present output of a case. */
export function record(name: string, golden: Golden): void {
  for (const [file, text] of Object.entries(golden)) writeFileSync(join(folder, name, file), text);
}

/**
 * Runs a case: its `cmd`, a bash script, in an empty folder, with its `stdin` if it has one. A case with a file
 * `simulator` (options as JSON) has its own simulator; the others share one.
 */
export async function runCase(name: string, place: Place): Promise<Golden> {
  const own = existsSync(join(folder, name, 'simulator'))
    ? await startSimulator({ rateLimit: 'off', ...(JSON.parse(read(name, 'simulator')) as SimulatorOptions) })
    : undefined;
  try {
    const cwd = place.folder();
    const env = {
      ...place.env,
      PCRS_GATEWAY: own?.gateway ?? place.simulator.gateway,
      PCRS_STATE_DIR: `${cwd}-state`,
    };
    const stdin = join(folder, name, 'stdin');
    const input = existsSync(stdin) ? { input: readFileSync(stdin) } : {};
    const { status, stdout, stderr } = await bash(read(name, 'cmd'), { cwd, env, ...input });
    const masks = masksOf(cwd, env);
    return { stdout: masks(stdout), stderr: withoutDurations(masks(stderr)), status: `${status}\n` };
  } finally {
    await own?.close();
  }
}

function read(name: string, file: string): string {
  return readFileSync(join(folder, name, file), 'utf8');
}

/** Masks what differs between runs and machines. */
function masksOf(cwd: string, env: Record<string, string>): (text: string) => string {
  const { host } = new URL(env['PCRS_GATEWAY']!);
  const places: [string, string][] = [
    [env['PCRS_STATE_DIR']!, 'STATE'],
    [cwd, 'FOLDER'],
    [env['HOME']!, 'HOME'],
    [host, 'GATEWAY'],
    [encodeURIComponent(host), 'GATEWAY'],
  ];
  const patterns: [RegExp, string][] = [
    [/[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}/g, 'UUID'],
    [/"(startedAt|endedAt|expiresAt|time|loadedAt)":"[^"]*"/g, '"$1":"TIME"'],
    [/"startId":"[^"]*"/g, '"startId":"UUID"'],
    [/"(version|pid|bytes|sha256|ms|seconds|secondsLeft)":("[^"]*"|\d+(\.\d+)?)/g, '"$1":"…"'],
    [/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME'],
    [/\b\d{8}T\d{6}Z/g, 'STAMP'],
    [/\bport \d{4,5}\b/g, 'port PORT'],
    [/^(pcrs-[\w-]+) \d+\.\d+\.\d+$/gm, '$1 VERSION'],
  ];
  return (text) => {
    let masked = text;
    for (const [from, to] of places) masked = masked.replaceAll(from, to);
    for (const [from, to] of patterns) masked = masked.replace(from, to);
    return masked;
  };
}

function withoutDurations(text: string): string {
  return text.replace(/\b\d+(\.\d+)? (ms|s|min|h|bytes)\b/g, 'N $2');
}
