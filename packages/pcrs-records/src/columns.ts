/**
 * The five tables that QualysETL users query, and the flat posture view. One name per thing: the gateway's
 * JSON, the SQL column and the CSV header agree.
 *
 * Source  QualysETL 0.8.76, etld_lib_config.py and etld_lib_sqlite_tables.py (names, order, types);
 *         `CloudMetaData` came with version 5.0 and follows QualysETL's last column
 */
export interface Column {
  readonly name: string;
  readonly type: 'INTEGER' | 'TEXT';
  /** The type in the gateway's JSON; a source needs it to write a stored value back. */
  readonly json: JsonType;
}

/** JSON type of a member: number (also true and false), string, or nested (object or array). */
export type JsonType = 'number' | 'string' | 'nested';

export interface Table {
  readonly name: string;
  /** The gateway's members, in order. */
  readonly columns: readonly Column[];
  readonly key: readonly string[];
  /** Key members stored as 0 if absent or null. */
  readonly zeroKeys: readonly string[];
}

/** Bookkeeping columns, after the gateway's columns in every table. */
export const bookkeepingColumns: readonly Column[] = texts('BATCH_DATE BATCH_NUMBER Row_Last_Updated');

function columns(list: string, integers: string, json: Partial<Record<JsonType, string>> = {}): Column[] {
  const isIn = (names = '') => new Set(names.split(' '));
  const whole = isIn(integers);
  const [numbers, strings, nested] = [isIn(json.number), isIn(json.string), isIn(json.nested)];
  return list.split(' ').map((name): Column => {
    const type = whole.has(name) ? 'INTEGER' : 'TEXT';
    if (nested.has(name)) return { name, type, json: 'nested' };
    const isNumber = numbers.has(name) || (type === 'INTEGER' && !strings.has(name));
    return { name, type, json: isNumber ? 'number' : 'string' };
  });
}

function texts(list: string): readonly Column[] {
  return columns(list, '');
}

export const policyTable: Table = {
  name: 'q_pcrs_policy_list',
  columns: columns(
    'subscriptionId id title createdBy createdDate modifiedBy modifiedDate lastEvaluatedDate status locked',
    'subscriptionId id',
    { number: 'locked' },
  ),
  key: ['subscriptionId', 'id'],
  zeroKeys: ['subscriptionId'],
};

/** One row per host id of a `hostids` record; the record's ids are strings. */
export const hostIdsTable: Table = {
  name: 'q_pcrs_hostids',
  columns: columns('subscriptionId policyId hostId', 'subscriptionId policyId hostId', {
    string: 'subscriptionId policyId hostId',
  }),
  key: ['subscriptionId', 'policyId', 'hostId'],
  zeroKeys: ['subscriptionId'],
};

export const postureTable: Table = {
  name: 'q_pcrs_postureinfo',
  columns: columns(
    'id instance policyId netBios controlId technologyId status previousStatus firstFailDate lastFailDate ' +
      'firstPassDate lastPassDate postureModifiedDate lastEvaluatedDate created hostId ip trackingMethod os osCpe ' +
      'domainName dns qgHostid networkId networkName complianceLastScanDate customerUuid customerId assetId evidence ' +
      'causeOfFailure currentDataSizeKB totalDataSizeKB currentBatch totalBatches CLOUD_RESOURCE_ID CloudMetaData',
    'id policyId controlId technologyId hostId assetId',
    { number: 'networkId currentBatch totalBatches', nested: 'evidence causeOfFailure CloudMetaData' },
  ),
  key: ['policyId', 'hostId', 'id', 'currentBatch'],
  zeroKeys: ['currentBatch'],
};

/** A control's long texts, stored once per policy and technology, not once per posture record. */
export const controlsTable: Table = {
  name: 'q_pcrs_postureinfo_controls',
  columns: columns(
    'policyId controlId technologyId policyTitle controlStatement rationale remediation controlReference technology criticality',
    'policyId controlId technologyId',
    { nested: 'technology criticality' },
  ),
  key: ['policyId', 'controlId', 'technologyId'],
  zeroKeys: ['technologyId'],
};

/** A column of the flat posture view: a member of the record, or one part of a nested member. */
export interface FlatColumn {
  readonly name: string;
  /** Path of the value: a member, or a member and one inside it. */
  readonly path: readonly [string] | readonly [string, string];
  /** Parts to leave out; the value is the rest of the member, as JSON. */
  readonly without?: readonly string[];
}

function flat(list: string): readonly FlatColumn[] {
  return list.split(' ').map((name) => ({ name, path: [name] as const }));
}

/**
 * `v_pcrs_postureinfo` and the posture CSV, without bookkeeping columns: same names, same order. Nested
 * members are split into columns; non-scalar values inside them become JSON text.
 */
export const flatPostureColumns: readonly FlatColumn[] = [
  ...flat(
    'id instance policyId policyTitle netBios controlId controlStatement rationale remediation controlReference ' +
      'technologyId status previousStatus firstFailDate lastFailDate firstPassDate lastPassDate postureModifiedDate ' +
      'lastEvaluatedDate created hostId ip trackingMethod os osCpe domainName dns qgHostid networkId networkName ' +
      'complianceLastScanDate customerUuid customerId assetId',
  ),
  { name: 'technology_id', path: ['technology', 'id'] },
  { name: 'technology_name', path: ['technology', 'name'] },
  { name: 'criticality_label', path: ['criticality', 'label'] },
  { name: 'criticality_value', path: ['criticality', 'value'] },
  { name: 'evidence_expectedValues', path: ['evidence', 'expectedValues'] },
  { name: 'evidence_currentValues', path: ['evidence', 'currentValues'] },
  { name: 'evidence_other', path: ['evidence'], without: ['expectedValues', 'currentValues'] },
  { name: 'causeOfFailure_missing', path: ['causeOfFailure', 'missing'] },
  { name: 'causeOfFailure_unexpected', path: ['causeOfFailure', 'unexpected'] },
  { name: 'causeOfFailure_other', path: ['causeOfFailure'], without: ['missing', 'unexpected'] },
  ...flat('currentDataSizeKB totalDataSizeKB currentBatch totalBatches CLOUD_RESOURCE_ID CloudMetaData'),
];

/** The gateway's five criticalities by value; a subscription may have others. */
export const criticalities = { urgent: 5, critical: 4, serious: 3, medium: 2, minimal: 1 } as const;

/** Columns of `v_pcrs_hosts` that describe a host, from its posture of the last scan. */
export const hostColumns: readonly Column[] = columns(
  'hostId netBios dns domainName ip os trackingMethod networkName',
  'hostId',
);

/**
 * Columns of `pcrs-diff`'s `change` record and of its CSV: the posture's members, named as in the flat view,
 * and both statuses.
 */
export const changeColumns: readonly FlatColumn[] = flat(
  'change policyId policyTitle hostId ip dns controlId controlStatement technologyId technology_name instance id ' +
    'criticality_label criticality_value oldStatus newStatus',
);
