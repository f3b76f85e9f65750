import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codedError } from 'pcrs-records/errors';
import type { Environment, Parameters } from './connection-config.ts';

/**
 * The parameters of a service, from the first of libpq's files that has it.
 *
 * Throws  PCRS_USAGE if none has it
 */
export function serviceParameters(name: string, env: Environment): Parameters {
  const files = [
    env['PGSERVICEFILE'],
    env['HOME'] && join(env['HOME'], '.pg_service.conf'),
    env['PGSYSCONFDIR'] && join(env['PGSYSCONFDIR'], 'pg_service.conf'),
  ];
  for (const file of files.filter((one) => one !== undefined && one !== '')) {
    const section = sectionOf(textOf(file as string), name);
    if (section !== undefined) return section;
  }
  throw codedError('PCRS_USAGE', `no service ${name} in PGSERVICEFILE, ~/.pg_service.conf or PGSYSCONFDIR`);
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function sectionOf(text: string, name: string): Parameters | undefined {
  const section: Record<string, string> = {};
  let found = false;
  let inside = false;
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line.startsWith('[')) {
      inside = line === `[${name}]`;
      found ||= inside;
    }
    const [, key, value] = /^(\w+)\s*=\s*(.+)$/.exec(line) ?? [];
    if (inside && key !== undefined && value !== undefined) section[key] = value;
  }
  return found ? section : undefined;
}
