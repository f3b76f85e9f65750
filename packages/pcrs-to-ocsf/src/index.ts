import { codedError } from 'pcrs-records/errors';
import type { JsonObject } from 'pcrs-records/kinds';
import type { SinkOptions } from 'pcrs-sink/demands';
import { noteDifference } from 'pcrs-sink/fidelity';
import { forms } from 'pcrs-sink/places';
import { SinkReader } from 'pcrs-sink/reader';
import { type Members, type RecordTable, RefusedRecord } from 'pcrs-sink/table';
import { EventBytes } from './event-bytes.ts';
import { type FindingOptions, type Origin, writeFinding } from './finding.ts';
import { NestedPosture, postureMembers } from './posture.ts';

export interface OcsfOptions extends FindingOptions, SinkOptions {
  /** Base URL of the gateway, for records outside a run. */
  gateway?: string | undefined;
  /** Used for a stream in which no policy, host ids or change names it. */
  subscription?: string | undefined;
}

/**
 * An OCSF 1.5.0 Compliance Finding for each posture, and for each posture that changed.
 *
 * Takes   chunks  an NDJSON stream in any chunking
 * Yields  lines of JSON, in the order of the postures
 * Throws  PCRS_USAGE if a posture's gateway or subscription is unknown; PCRS_RECORD for a bad line; PCRS_INCOMPLETE
 *         and PCRS_EMPTY at the end. Lines already yielded stand
 */
export async function* toOcsf(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: OcsfOptions = {},
): AsyncGenerator<Uint8Array> {
  const findings = new Findings(options);
  const { reader } = findings;
  let failure: unknown;
  try {
    for await (const lines of reader.blocks(chunks)) {
      reader.take(lines);
      yield* findings.lines.take();
      options.progress?.update({ records: findings.count });
    }
  } catch (error) {
    failure = error;
  }
  yield* findings.lines.take();
  if (failure) throw failure;
  const end = reader.end(options);
  for (const line of reader.problems.reports()) options.log?.warn(line);
  noteDifference(end.verdicts, options.log);
  if (end.failure) throw end.failure;
  const others = [...reader.kinds].filter(([kind]) => !controlKinds.has(kind));
  const isOdd = others.length > 0 && !others.some(([kind]) => kind === 'posture' || kind === 'change');
  if (isOdd) {
    const seen = others.map(([kind, { count }]) => `${kind} ${count}`).join(', ');
    options.log?.warn(`neither posture nor change came, so there is no event; kinds seen: ${seen}`);
  }
}

const controlKinds: ReadonlySet<string> = new Set(['session', 'start', 'end', 'slice']);

class Findings {
  readonly reader: SinkReader;
  readonly lines = new EventBytes();
  count = 0;
  readonly #options: OcsfOptions;
  readonly #origin: Partial<Origin>;

  constructor(options: OcsfOptions) {
    this.#options = options;
    const { gateway, requireRun, skipBad, subscription } = options;
    this.#origin = { ...(gateway !== undefined && { host: hostOf(gateway) }), startedMs: Date.now() };
    if (subscription !== undefined) this.#origin.subscription = subscription;
    this.reader = new SinkReader({
      ...{ requireRun, skipBad, expected: ['posture', 'policy', 'hostids'] },
      tableOf: (kind) => this.#tables[kind],
      onControl: (record) => {
        if (record['kind'] === 'session') this.#openRun(record);
        // A run of pcrs-diff has no policy to name it.
        const { subscriptionId } = record;
        if (subscriptionId) this.#origin.subscription = String(subscriptionId);
      },
    });
  }

  readonly #lists: RecordTable = {
    columns: ['subscriptionId'],
    take: (record) => this.#learnSubscription(record, 0),
  };
  readonly #tables: Readonly<Record<string, RecordTable>> = {
    policy: this.#lists,
    hostids: this.#lists,
    posture: {
      columns: postureMembers,
      take: (record) =>
        this.#add(record, (origin, bytes) => writeFinding(this.lines, record, bytes, origin, this.#options)),
    },
    change: {
      columns: ['posture', 'change', 'oldStatus', 'subscriptionId'],
      take: (record) => this.#takeChange(record),
    },
  };

  /** Changes of a policy's controls have no posture. */
  #takeChange(record: Members): void {
    const word = record.text(1) ?? '';
    if (word.startsWith('control_')) return;
    if ((record.form(0) | 1) !== forms.nestedWide)
      throw new RefusedRecord('a change needs its posture in the member posture');
    this.#learnSubscription(record, 3);
    const posture = new NestedPosture(record.bytes, record.start(0));
    const change = { word, oldStatus: record.json(2) };
    this.#add(record, (origin, bytes) =>
      writeFinding(this.lines, posture, bytes, origin, this.#options, change),
    );
  }

  #add(record: Members, write: (origin: Origin, bytes: number) => void): void {
    const origin = this.#knownOrigin(record.line);
    try {
      write(origin, sizeOf(record));
    } catch (error) {
      throw new RefusedRecord((error as Error).message);
    }
    this.count += 1;
  }

  #knownOrigin(line: number): Origin {
    const { host, subscription } = this.#origin;
    if (host === undefined)
      throw codedError(
        'PCRS_USAGE',
        `stdin:${line}: a posture outside a run; name its gateway with --gateway`,
      );
    if (subscription === undefined)
      throw codedError(
        'PCRS_USAGE',
        `stdin:${line}: no policy or hostids record before this posture names the subscription; give --subscription`,
      );
    return this.#origin as Origin;
  }

  #openRun({ gateway, startedAt }: JsonObject): void {
    this.#origin.host = hostOf(gateway as string);
    this.#origin.startedMs = Date.parse(startedAt as string);
    if (this.#options.subscription === undefined) delete this.#origin.subscription;
  }

  #learnSubscription(record: Members, column: number): void {
    const subscription = record.text(column);
    if (subscription !== null && subscription !== '') this.#origin.subscription = subscription;
  }
}

function hostOf(gateway: string): string {
  return URL.parse(gateway)?.host || gateway;
}

/** Total size of a record's members, in bytes. */
function sizeOf(record: Members): number {
  let bytes = 0;
  for (let column = 0; column < record.columns.length; column += 1)
    bytes += record.end(column) - record.start(column);
  for (const { name, start, end } of record.others) bytes += 6 * name.length + end - start;
  return bytes;
}
