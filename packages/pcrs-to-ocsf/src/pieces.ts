import { lifecycleOf, type Meaning, resultOf, severityOf } from './meanings.ts';

/** Bytes to be written unchanged. */
export const piece = (text: string): Uint8Array => Buffer.from(text);

/** Pieces for a status, made once per text. */
export interface StatusPieces {
  text: string;
  /** Result of the check. */
  result: Uint8Array;
  code: Uint8Array;
  /** Lifecycle status of the finding. */
  lifecycle(failedBefore: boolean): Uint8Array;
}

/** Takes  json  the status */
export const statusPieces = remember((json): StatusPieces => {
  const text = json.startsWith('"') ? (JSON.parse(json) as string) : json;
  const [fresh, known] = [lifecyclePiece(text, false), lifecyclePiece(text, true)];
  return {
    text,
    result: meaning('status', resultOf(text)),
    code: piece(text === '' ? '' : `"status_code":${JSON.stringify(text)},`),
    lifecycle: (failedBefore) => (failedBefore ? known : fresh),
  };
});

/** Lifecycle status of a finding. */
export function lifecyclePiece(status: string, failedBefore: boolean, change?: string): Uint8Array {
  return meaning('status', lifecycleOf(status, failedBefore, change));
}

/** Severity of the finding and of its check. Takes `json`, the criticality. */
export const criticalityPieces = remember((json) => {
  const parsed: unknown = JSON.parse(json);
  const { label, value } = (typeof parsed === 'object' && parsed !== null ? parsed : { value: parsed }) as {
    label?: unknown;
    value?: unknown;
  };
  const severity = severityOf(value);
  const ofCheck = label === undefined || label === null ? '' : `"severity":${JSON.stringify(String(label))},`;
  return { severity: meaning('severity', severity), check: piece(`"severity_id":${severity.id},${ofCheck}`) };
});

function meaning(name: string, found: Meaning | undefined): Uint8Array {
  return piece(
    found === undefined ? '' : `"${name}_id":${found.id},"${name}":${JSON.stringify(found.name)},`,
  );
}

/** Milliseconds since 1970, as digits; undefined for a text that is not a date. */
export const millisecondsOf = remember((text) => {
  const ms = /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(ms) ? undefined : piece(String(ms));
});

const remembered = 10_000;

/** Caches results: statuses, criticalities and dates are few and come often. */
function remember<T>(make: (json: string) => T): (json: string) => T {
  const known = new Map<string, { made: T }>();
  return (json) => {
    let found = known.get(json);
    if (found === undefined) {
      found = { made: make(json) };
      if (known.size >= remembered) known.clear();
      known.set(json, found);
    }
    return found.made;
  };
}
