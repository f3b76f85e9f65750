import { platforms } from 'pcrs-records/platforms';
import { usageError } from '../ask/gateway-error.ts';

/**
 * The gateway's base URL of a platform, `US2` → `https://gateway.qg2.apps.qualys.com`.
 *
 * Takes   any case
 * Throws  PCRS_USAGE for a name that is not in the table
 */
export function platformUrl(name: string): string {
  const platform = platforms.find((one) => one.name === name.trim().toUpperCase());
  if (platform) return `https://${platform.gateway}`;
  const names = platforms.map((one) => one.name).join(', ');
  throw usageError(`--platform must be one of ${names}, got ${JSON.stringify(name)}`);
}
