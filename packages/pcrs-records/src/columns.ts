/**
 * The five tables that QualysETL users' queries know, and the flat posture view: one name for a thing
 * from the gateway's JSON to the SQL column to the CSV header.
 *
 * Source  QualysETL 0.8.76, etld_lib_config.py and etld_lib_sqlite_tables.py (names, order, types);
 *         `CloudMetaData` came with version 5.0, after QualysETL's last column
 */
export interface Column {
  readonly name: string;
  readonly type: 'INTEGER' | 'TEXT';
  /** What the gateway sends for it: how a source writes a stored value back. */
  readonly json: JsonType;
}

/** The JSON of a member: a number (or true, false), a string, or an object or array. */
export type JsonType = 'number' | 'string' | 'nested';

export interface Table {
  readonly name: string;
  /** The gateway's members, in order. */
  readonly columns: readonly Column[];
  readonly key: readonly string[];
  /** Key members that count as 0 where they are absent or null. */
  readonly zeroKeys: readonly string[];
}

/** Our own columns, after the gateway's in every table. */
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

/** A row per host id of a `hostids` record, whose ids are strings. */
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

/** The long texts of a control, once per policy and technology instead of once per posture. */
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

/** A column of the flat posture view: a member of the record, or a part of one of its nested members. */
export interface FlatColumn {
  readonly name: string;
  /** Where the value is: a member, or a member and one inside it. */
  readonly path: readonly [string] | readonly [string, string];
  /** The value is the member without the named parts, as JSON. */
  readonly without?: readonly string[];
}

function flat(list: string): readonly FlatColumn[] {
  return list.split(' ').map((name) => ({ name, path: [name] as const }));
}

/**
 * `v_pcrs_postureinfo` and the posture CSV, without bookkeeping columns: same names, same order.
 * Nested members are taken apart; what is not scalar inside them is JSON text.
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

/** A `change` record of `pcrs-diff`, and its CSV: the posture's members as the flat view names them, and its two statuses. */
export const changeColumns: readonly FlatColumn[] = flat(
  'change policyId policyTitle hostId ip dns controlId controlStatement technologyId technology_name instance id ' +
    'criticality_label criticality_value oldStatus newStatus',
);
