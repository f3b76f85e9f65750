import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import { parse } from 'pg-connection-string';
import type { ConnectionConfig, Parameters } from './connection-config.ts';

const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full'];

/** Files that libpq uses if they are in ~/.postgresql. */
const usualFiles = { sslrootcert: 'root.crt', sslcert: 'postgresql.crt', sslkey: 'postgresql.key' };

/**
 * TLS by libpq's sslmode, which pg reads otherwise; `allow` is taken as `prefer`. A socket never has TLS.
 *
 * Throws  PCRS_USAGE for an unknown mode, or a file that cannot be read
 */
export function tlsConfig(
  parameters: Parameters,
  host: string,
  home: string | undefined,
): Pick<ConnectionConfig, 'ssl' | 'orWithoutTls'> {
  const { sslrootcert, ...files } = filesOf(parameters, home);
  const system = sslrootcert === 'system';
  const mode = parameters['sslmode'] ?? (system ? 'verify-full' : 'prefer');
  if (!modes.includes(mode)) {
    throw codedError('PCRS_USAGE', `sslmode must be one of ${modes.join(', ')}, got ${mode}`);
  }
  if (system && mode !== 'verify-full') {
    throw codedError('PCRS_USAGE', `sslrootcert=system needs sslmode=verify-full, got ${mode}`);
  }
  if (mode === 'verify-ca' && sslrootcert === undefined) {
    throw codedError('PCRS_USAGE', 'sslmode=verify-ca needs sslrootcert=FILE, the CA of the server');
  }
  if (mode === 'disable' || host.startsWith('/')) return { ssl: false };
  const orWithoutTls = mode === 'allow' || mode === 'prefer';
  const query = new URLSearchParams({
    ...files,
    ...(sslrootcert !== undefined && !system && { sslrootcert }),
    sslmode: orWithoutTls ? 'prefer' : mode,
    uselibpqcompat: 'true',
  });
  try {
    const { ssl } = parse(`postgres://host/?${query}`);
    return { ssl: ssl as NonNullable<ConnectionConfig['ssl']>, orWithoutTls };
  } catch (error) {
    const { message } = error as Error;
    throw codedError('PCRS_USAGE', `${message}; check sslrootcert, sslcert and sslkey`, { cause: error });
  }
}

function filesOf(parameters: Parameters, home: string | undefined): Record<string, string> {
  const found: Record<string, string> = {};
  for (const [name, usual] of Object.entries(usualFiles)) {
    const path = home === undefined ? '' : join(home, '.postgresql', usual);
    if (parameters[name] !== undefined) found[name] = parameters[name];
    else if (existsSync(path)) found[name] = path;
  }
  return found;
}
