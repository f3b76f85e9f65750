import type { Database } from 'pcrs-database/open';
import { controlsTable, policyTable } from 'pcrs-records/columns';
import { type JsonObject, parsedObject } from 'pcrs-records/kinds';
import type { ControlTexts, Criticality } from './model.ts';
import { visible } from './shown.ts';

/** Texts of a control in a policy, for one technology. */
interface ControlName {
  statement: string;
  criticality: Criticality;
  technology: string;
}

const unnamed: ControlName = { statement: '', criticality: { label: '', value: 0 }, technology: '' };

/** Names of policies and controls, read once: tens of thousands at most. */
export class Names {
  readonly #db: Database;
  readonly #policies: ReadonlyMap<string, string>;
  readonly #controls: ReadonlyMap<string, ControlName>;

  constructor(db: Database) {
    this.#db = db;
    this.#policies = policiesIn(db);
    this.#controls = controlsIn(db);
  }

  policy(policyId: bigint): string {
    return this.#policies.get(String(policyId)) ?? `policy ${policyId}`;
  }

  control(policyId: bigint, controlId: bigint, technologyId: bigint): ControlName {
    return this.#controls.get(`${policyId} ${controlId} ${technologyId}`) ?? unnamed;
  }

  /** The long texts of a control, from the first policy and technology that have them. */
  texts(controlId: string): ControlTexts {
    const rows = this.#db
      .prepare(
        `SELECT policyTitle, rationale, remediation, controlReference, technology FROM ${controlsTable.name}
         WHERE controlId = ? ORDER BY policyId, technologyId`,
      )
      .all(controlId) as Record<string, unknown>[];
    const first = (column: string) => textOf(rows.find((row) => textOf(row[column]) !== '')?.[column]);
    const all = (texts: readonly string[]) => [...new Set(texts.filter((text) => text !== ''))];
    return {
      rationale: first('rationale'),
      remediation: first('remediation'),
      reference: first('controlReference'),
      technologies: all(rows.map(({ technology }) => textOf(partsOf(technology)['name']))),
      policies: all(rows.map(({ policyTitle }) => textOf(policyTitle))),
    };
  }
}

function policiesIn(db: Database): Map<string, string> {
  const rows = db
    .prepare(
      `SELECT policyId AS id, min(policyTitle) AS title FROM ${controlsTable.name} GROUP BY policyId
       UNION ALL SELECT id, title FROM ${policyTable.name}`,
    )
    .safeIntegers()
    .all() as { id: bigint; title: unknown }[];
  return new Map(rows.map(({ id, title }) => [String(id), textOf(title) || `policy ${id}`]));
}

function controlsIn(db: Database): Map<string, ControlName> {
  const rows = db
    .prepare(
      `SELECT policyId, controlId, technologyId, controlStatement, criticality, technology FROM ${controlsTable.name}`,
    )
    .safeIntegers()
    .iterate() as Iterable<Record<string, unknown>>;
  const names = new Map<string, ControlName>();
  for (const row of rows) {
    const { label, value } = partsOf(row['criticality']);
    names.set(`${row['policyId']} ${row['controlId']} ${row['technologyId']}`, {
      statement: textOf(row['controlStatement']),
      criticality: { label: textOf(label), value: typeof value === 'number' ? value : 0 },
      technology: textOf(partsOf(row['technology'])['name']),
    });
  }
  return names;
}

/** The members of a nested member, stored as JSON text. */
function partsOf(text: unknown): JsonObject {
  return parsedObject(text) ?? {};
}

function textOf(value: unknown): string {
  return value === null || value === undefined ? '' : visible(String(value));
}
