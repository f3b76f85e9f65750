import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import type { ClientConfig } from 'pg';
import { tlsConfig } from './connection-tls.ts';
import { serviceParameters } from './service-file.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Connection parameters by libpq's names; an empty one is absent. */
export type Parameters = Readonly<Record<string, string>>;

/** Where to connect, as pg takes it. */
export interface ConnectionConfig extends ClientConfig {
  /** Connect without TLS if the server does not have it. */
  orWithoutTls?: boolean;
}

/** Folders where psql looks for a server's socket: Debian's and Red Hat's, then PostgreSQL's own. */
export const socketFolders: readonly string[] = ['/var/run/postgresql', '/tmp'];

/**
 * Where to connect, as libpq would: a URL or the name of a database, then the service, then libpq's variables, then
 * a socket of this machine, and the user's name.
 *
 * Throws  PCRS_USAGE for a password in the URL, a value that is not a URL or a name, a missing service
 */
export function connectionConfig(
  database: string,
  env: Environment,
  folders: readonly string[] = socketFolders,
): ConnectionConfig {
  const given = givenParameters(database);
  const fromEnv = environmentParameters(env);
  const service = given['service'] ?? fromEnv['service'];
  const parameters: Parameters = {
    ...fromEnv,
    ...(service !== undefined && serviceParameters(service, env)),
    ...given,
  };
  const port = parsePort(parameters['port'] ?? '5432');
  const user = parameters['user'] ?? loginName(env);
  const host = parameters['host'] ?? parameters['hostaddr'] ?? socketFolder(port, folders) ?? 'localhost';
  const passedOn = ['password', 'application_name', 'options'].filter((name) => name in parameters);
  return {
    ...Object.fromEntries(passedOn.map((name) => [name, parameters[name]])),
    host,
    port,
    user,
    database: parameters['dbname'] ?? user,
    ...tlsConfig(parameters, host, env['HOME']),
  };
}

const form = 'postgres://user@host:5432/name';

function givenParameters(database: string): Parameters {
  if (database === '-') return {};
  const scheme = /^([\w+.:-]+):\/\//.exec(database)?.[1];
  if (scheme !== undefined) {
    if (/^postgres(ql)?$/.test(scheme)) return urlParameters(database);
    throw codedError('PCRS_USAGE', `--database is a URL of ${scheme}; write ${form}`);
  }
  if (database.includes('=')) {
    throw codedError('PCRS_USAGE', `--database does not take key=value; write ${form}`);
  }
  if (/\/|\.(db|sqlite3?)$/i.test(database)) {
    throw codedError(
      'PCRS_USAGE',
      `--database must be ${form} or the name of a database; pcrs-to-sqlite loads into a file`,
    );
  }
  return { dbname: database };
}

const noHost = 'no-host.pcrs.invalid';

function urlParameters(text: string): Parameters {
  let parameters: Record<string, string>;
  let password: string;
  try {
    // libpq's URLs may lack a host even if they have a user or a port.
    const url = new URL(text.replace(/^(\w+:\/\/(?:[^/?#@]*@)?)(?=[:/?#]|$)/, `$1${noHost}`));
    password = url.password;
    parameters = {
      host: url.hostname === noHost ? '' : decodeURIComponent(url.hostname).replace(/^\[(.*)\]$/, '$1'),
      port: url.port,
      user: decodeURIComponent(url.username),
      dbname: decodeURIComponent(url.pathname.slice(1)),
      ...Object.fromEntries(url.searchParams),
    };
  } catch {
    throw codedError('PCRS_USAGE', `--database is not a URL; write ${form}`);
  }
  if (password !== '' || 'password' in parameters || 'sslpassword' in parameters) {
    throw codedError(
      'PCRS_USAGE',
      '--database contains a password, which every user of this machine could read; put it into ~/.pgpass, or into the file that PGPASSFILE names',
    );
  }
  if (parameters['ssl'] === 'true') parameters = { sslmode: 'require', ...parameters };
  return present(parameters);
}

const variables: Readonly<Record<string, string>> = {
  service: 'PGSERVICE',
  host: 'PGHOST',
  hostaddr: 'PGHOSTADDR',
  port: 'PGPORT',
  dbname: 'PGDATABASE',
  user: 'PGUSER',
  sslmode: 'PGSSLMODE',
  sslrootcert: 'PGSSLROOTCERT',
  sslcert: 'PGSSLCERT',
  sslkey: 'PGSSLKEY',
};

/** Passwords and options in the environment are read by pg. */
function environmentParameters(env: Environment): Parameters {
  return present(
    Object.fromEntries(Object.entries(variables).map(([name, variable]) => [name, env[variable] ?? ''])),
  );
}

function present(parameters: Parameters): Parameters {
  return Object.fromEntries(Object.entries(parameters).filter(([, value]) => value !== ''));
}

function parsePort(text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (port >= 1 && port <= 65_535) return port;
  throw codedError('PCRS_USAGE', `the port of the server must be 1 to 65535, got ${text}; check PGPORT`);
}

function socketFolder(port: number, folders: readonly string[]): string | undefined {
  return folders.find((folder) => existsSync(join(folder, `.s.PGSQL.${port}`)));
}

/** The user who runs this; a container's may lack a name. */
function loginName(env: Environment): string {
  try {
    return userInfo().username;
  } catch {
    if (env['USER']) return env['USER'];
    throw codedError('PCRS_USAGE', `this user has no name here; set PGUSER, or write ${form}`);
  }
}
