import { platforms } from 'pcrs-records/platforms';
import { usageError } from '../ask/gateway-error.ts';

/**
 * Gateway URL of a platform: `US2` → `https://gateway.qg2.apps.qualys.com`.
 *
 * Takes   any case
 * Throws  PCRS_USAGE for an unknown platform
 */
export function platformUrl(name: string): string {
  const platform = platforms.find((one) => one.name === name.trim().toUpperCase());
  if (platform) return `https://${platform.gateway}`;
  const names = platforms.map((one) => one.name).join(', ');
  throw usageError(`--platform must be one of ${names}, got ${JSON.stringify(name)}`);
}
