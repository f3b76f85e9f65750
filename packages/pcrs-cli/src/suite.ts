/**
 * Names of all tools, known without importing them. They begin the names of the tools' environment variables.
 */
export const suiteTools = [
  'pcrs-to-parquet',
  'pcrs-from-history',
  'pcrs-to-history',
  'pcrs-to-ocsf',
  'pcrs-to-postgres',
  'pcrs-from-sqlite',
  'pcrs-report',
  'pcrs-auth',
  'pcrs-policies',
  'pcrs-hostids',
  'pcrs-posture',
  'pcrs-to-sqlite',
  'pcrs-to-csv',
  'pcrs-etl',
  'pcrs-simulator',
  'pcrs-diff',
  'pcrs-status',
] as const;

/** Flags whose environment variable and profile setting apply to every tool that has them. */
export const sharedFlags = [
  'gateway',
  'platform',
  'username',
  'password-file',
  'password-command',
  'token-file',
  'token-command',
  'profile',
  'config',
  'api-version',
  'timeout',
  'retries',
  'max-wait',
  'rate',
  'concurrency',
  'ca-file',
  'proxy',
  'temp-dir',
  'policies-per-request',
  'hosts-per-request',
  'quiet',
  'verbose',
  'progress',
  'log-format',
] as const;

/** Names the flags that `pcrs-etl --incremental` added, as a comma list. */
export const incrementalFlagsVariable = 'PCRS_INCREMENTAL_FLAGS';

/** Variables that are not flags; the last ones pass between the suite's own processes. */
export const otherVariables = [
  ...['PCRS_PASSWORD', 'PCRS_TOKEN', 'PCRS_STATE_DIR', 'PCRS_DEBUG'],
  ...['PCRS_HELD_LOCK', incrementalFlagsVariable, 'PCRS_LOCK_LEASE', 'PCRS_PARENT_PID'],
];

/** `pcrs-to-csv` → `PCRS_TO_CSV_`. */
export function variablePrefix(tool: string): string {
  return `${tool.toUpperCase().replaceAll('-', '_')}_`;
}

/** `password-file` → `PCRS_PASSWORD_FILE`. */
export function sharedVariable(flag: string): string {
  return `PCRS_${flag.toUpperCase().replaceAll('-', '_')}`;
}
