/** A Qualys platform: its name, its API server (which does not answer /pcrs) and its gateway (which does). */
export interface Platform {
  name: string;
  apiServer: string;
  gateway: string;
}

/**
 * Qualys' shared platforms.
 *
 * Source  names and API servers: qualys.com/platform-identification; gateways of US1 to US3: the same page, of the
 *         others: clients of Qualys' customers and staff (qualysdk, Qualys TAM Blueprint), read 2026-11-23
 */
export const platforms: readonly Platform[] = [
  { name: 'US1', apiServer: 'qualysapi.qualys.com', gateway: 'gateway.qg1.apps.qualys.com' },
  { name: 'US2', apiServer: 'qualysapi.qg2.apps.qualys.com', gateway: 'gateway.qg2.apps.qualys.com' },
  { name: 'US3', apiServer: 'qualysapi.qg3.apps.qualys.com', gateway: 'gateway.qg3.apps.qualys.com' },
  { name: 'US4', apiServer: 'qualysapi.qg4.apps.qualys.com', gateway: 'gateway.qg4.apps.qualys.com' },
  { name: 'GOV1', apiServer: 'qualysapi.gov1.qualys.us', gateway: 'gateway.gov1.qualys.us' },
  { name: 'EU1', apiServer: 'qualysapi.qualys.eu', gateway: 'gateway.qg1.apps.qualys.eu' },
  { name: 'EU2', apiServer: 'qualysapi.qg2.apps.qualys.eu', gateway: 'gateway.qg2.apps.qualys.eu' },
  { name: 'EU3', apiServer: 'qualysapi.qg3.apps.qualys.it', gateway: 'gateway.qg3.apps.qualys.it' },
  { name: 'IN1', apiServer: 'qualysapi.qg1.apps.qualys.in', gateway: 'gateway.qg1.apps.qualys.in' },
  { name: 'CA1', apiServer: 'qualysapi.qg1.apps.qualys.ca', gateway: 'gateway.qg1.apps.qualys.ca' },
  { name: 'AE1', apiServer: 'qualysapi.qg1.apps.qualys.ae', gateway: 'gateway.qg1.apps.qualys.ae' },
  { name: 'UK1', apiServer: 'qualysapi.qg1.apps.qualys.co.uk', gateway: 'gateway.qg1.apps.qualys.co.uk' },
  { name: 'AU1', apiServer: 'qualysapi.qg1.apps.qualys.com.au', gateway: 'gateway.qg1.apps.qualys.com.au' },
  { name: 'KSA1', apiServer: 'qualysapi.qg1.apps.qualysksa.com', gateway: 'gateway.qg1.apps.qualysksa.com' },
];
