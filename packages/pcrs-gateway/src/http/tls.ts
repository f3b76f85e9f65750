import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { usageError } from '../ask/gateway-error.ts';

/**
 * Whom we trust: Node's list, the system's store, NODE_EXTRA_CA_CERTS (which Node read at its start), and a file.
 *
 * Throws  PCRS_USAGE for a file that cannot be read or holds no certificate
 */
export function trust(caFile: string | undefined): SecureContext {
  const stores = (['bundled', 'system', 'extra'] as const).flatMap(store);
  const own = caFile === undefined ? [] : certificatesIn(caFile);
  return createSecureContext({ ca: [...new Set([...stores, ...own])] });
}

/** A store that this machine lacks or cannot read is an empty one: the others still decide. */
function store(name: 'bundled' | 'system' | 'extra'): string[] {
  try {
    return getCACertificates(name);
  } catch {
    return [];
  }
}

function certificatesIn(caFile: string): string[] {
  let text: string;
  try {
    text = readFileSync(caFile, 'utf8');
  } catch (error) {
    throw usageError(`--ca-file ${caFile}: cannot be read (${(error as { code?: string }).code})`);
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!found) throw usageError(`--ca-file ${caFile}: holds no PEM certificate`);
  try {
    for (const certificate of found) new X509Certificate(certificate);
  } catch (error) {
    throw usageError(
      `--ca-file ${caFile}: holds what is not a certificate (${(error as { code?: string }).code})`,
    );
  }
  return found;
}
