import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import type { ClientConfig } from 'pg';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Where to connect: a URL, or the name of a database; the rest comes from a service file (PGSERVICE), then from
 * libpq's variables.
 *
 * Throws  PCRS_USAGE for a password in the URL, or a missing service
 */
export function connectionConfig(database: string, env: Environment): ClientConfig {
  const service = serviceConfig(env);
  if (!/^postgres(ql)?:\/\//.test(database)) return { ...service, ...(database === '-' ? {} : { database }) };
  let url: URL;
  try {
    url = new URL(database);
  } catch {
    throw codedError('PCRS_USAGE', '--database is not a URL; write postgres://user@host:5432/name');
  }
  if (url.password !== '' || url.searchParams.has('password')) {
    throw codedError(
      'PCRS_USAGE',
      '--database contains a password, which every user of this machine could read; put it into ~/.pgpass, or into the file that PGPASSFILE names',
    );
  }
  return { ...service, connectionString: database };
}

const serviceKeys: Readonly<Record<string, string>> = {
  host: 'host',
  hostaddr: 'host',
  port: 'port',
  dbname: 'database',
  user: 'user',
  password: 'password',
};

function serviceConfig(env: Environment): ClientConfig {
  const name = env['PGSERVICE'];
  if (name === undefined || name === '') return {};
  const files = [
    env['PGSERVICEFILE'],
    env['HOME'] && join(env['HOME'], '.pg_service.conf'),
    env['PGSYSCONFDIR'] && join(env['PGSYSCONFDIR'], 'pg_service.conf'),
  ];
  for (const file of files.filter((one) => one !== undefined && one !== '')) {
    const section = sectionOf(textOf(file as string), name);
    if (section !== undefined) return section;
  }
  throw codedError(
    'PCRS_USAGE',
    `no service ${name} (PGSERVICE) in PGSERVICEFILE, ~/.pg_service.conf or PGSYSCONFDIR`,
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function sectionOf(text: string, name: string): ClientConfig | undefined {
  const config: Record<string, string | number> = {};
  let found = false;
  let inside = false;
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line.startsWith('[')) {
      inside = line === `[${name}]`;
      found ||= inside;
    }
    const [, key, value] = /^(\w+)\s*=\s*(.*)$/.exec(line) ?? [];
    const known = key === undefined ? undefined : serviceKeys[key];
    if (inside && known !== undefined) config[known] = known === 'port' ? Number(value) : (value ?? '');
  }
  return found ? config : undefined;
}
