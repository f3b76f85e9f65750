import { X509Certificate } from 'node:crypto';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { readInput } from 'pcrs-machine/read-input';
import { usageError } from '../ask/gateway-error.ts';

/**
 * Trusted certificates: Node's list, the system's store, NODE_EXTRA_CA_CERTS (which Node read at its start), and a
 * file.
 *
 * Throws  PCRS_USAGE for a file that is unreadable or holds no certificate
 */
export async function trust(caFile: string | undefined, signal: AbortSignal): Promise<SecureContext> {
  const stores = (['bundled', 'system', 'extra'] as const).flatMap(store);
  const own = caFile === undefined ? [] : await certificatesIn(caFile, signal);
  return createSecureContext({ ca: [...new Set([...stores, ...own])] });
}

/** A missing or unreadable store counts as empty: the others still apply. */
function store(name: 'bundled' | 'system' | 'extra'): string[] {
  try {
    return getCACertificates(name);
  } catch {
    return [];
  }
}

async function certificatesIn(caFile: string, signal: AbortSignal): Promise<string[]> {
  let text: string;
  try {
    text = (await readInput(caFile, { signal, maxBytes: 64 << 20 })).bytes.toString('utf8');
  } catch (error) {
    signal.throwIfAborted();
    throw usageError(`--ca-file ${(error as Error).message}`);
  }
  const found = text.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!found) throw usageError(`--ca-file ${caFile}: contains no PEM certificate`);
  try {
    for (const certificate of found) new X509Certificate(certificate);
  } catch (error) {
    throw usageError(
      `--ca-file ${caFile}: contains an invalid certificate (${(error as { code?: string }).code})`,
    );
  }
  return found;
}
