import type { Form } from './form-names.ts';
import { respell } from './respell.ts';

const HUGE_TEXT_BYTES = 32 * 1024 * 1024;
const PER_PIECE = 20;

const additions: Partial<Record<Form, string>> = {
  'unknown-members':
    ',"lastUpdatedDate":"2026-11-20T00:00:00Z","Status":"not status","a \\"quoted\\" name":{"deep":[1,null,true,{"x":"]}"}]},"ünïcode":"naïve","__proto__":{"polluted":true},"":"no name"',
  'big-numbers':
    ',"bigNumbers":{"id":9007199254740993,"more":[12345678901234567890,-0,1.10,1e2,1E-7,0.1000]},"bigId":9223372036854775808,"ratio":1.10,"power":1e2',
  'lone-surrogates': ',"half":"\\ud83d and \\uDE00","whole":"\\ud83d\\ude00"',
  'kind-member': ',"kind":"asset"',
};

/**
 * A policy, host ids or a posture record, as JSON text, with the additions, omissions and other types of some forms.
 */
export function changedObject(text: string, forms: ReadonlySet<Form>): string {
  let added = '';
  for (const [form, members] of Object.entries(additions)) if (forms.has(form as Form)) added += members;
  let changed = added === '' ? text : `${text.slice(0, -1)}${added}}`;
  if (forms.has('absent-nulls')) changed = changed.replace(/,"\w+":null(?=[,}])/g, '');
  return forms.has('string-ids') ? swapIdTypes(changed) : changed;
}

/** The record that `huge-element` makes huge: the second of the first host of the first policy. */
const HUGE_RECORD_ID = 20_000_000_004;

/**
 * Posture records as changed by the forms: the gateway's truth from then on. A record's id decides whether it
 * changes, so the result does not depend on how a client cuts its requests.
 *
 * Takes   records  JSON texts of whole records
 */
export function* changedRecords(records: Iterable<string>, forms: ReadonlySet<Form>): Generator<string> {
  for (const record of records) {
    const id = Number(/^{"id":(\d+)/.exec(record)?.[1]);
    const n = Math.floor(id / 4);
    let text = changedObject(record, forms);
    if (forms.has('invalid-utf8') && n % 3 === 1) text = text.replace('Status of', 'Status\ufffd of');
    if (forms.has('huge-element') && id === HUGE_RECORD_ID) {
      text = `${text.slice(0, -1)},"output":"${'x'.repeat(HUGE_TEXT_BYTES)}"}`;
    }
    if (forms.has('split') && n % 7 === 3) yield* parts(text);
    else yield text;
    if (forms.has('duplicates') && n % 5 === 2) yield text;
  }
}

/**
 * A JSON array of records, spelled by the forms, in pieces of some records; each piece may be a gzip member.
 *
 * Yields  bytes that, joined, are the document
 */
export function* spelledArray(records: Iterable<string>, forms: ReadonlySet<Form>): Generator<Buffer> {
  const spelled = (text: string) => bytesOf(respell(text, forms), forms);
  const gap = forms.has('padded') ? ' \r\n\t' : forms.has('pretty') ? '\n' : '';
  const between = forms.has('lines') ? ',\n' : `${gap},${gap}`;
  const open = `${gap}[${gap}`;
  let text = forms.has('bom') ? `\ufeff${open}` : open;
  let inPiece = 0;
  let first = true;
  for (const record of records) {
    if (!first) text += between;
    text += record;
    first = false;
    if (++inPiece === PER_PIECE) {
      if (forms.has('concatenated')) {
        text += `${gap}]${gap}[]\n[`;
        first = true;
      }
      yield spelled(text);
      text = '';
      inPiece = 0;
    }
  }
  yield spelled(`${text}${gap}]${gap}`);
}

/** A whole small document (policy list, host ids), spelled by the forms. */
export function spelledDocument(text: string, forms: ReadonlySet<Form>): Buffer {
  const marked = forms.has('bom') ? `\ufeff${text}` : text;
  return bytesOf(respell(forms.has('padded') ? `\r\n ${marked} \n` : marked, forms), forms);
}

function bytesOf(text: string, forms: ReadonlySet<Form>): Buffer {
  const bytes = Buffer.from(text);
  return forms.has('invalid-utf8')
    ? Buffer.from(bytes.toString('latin1').replaceAll('ï¿½', 'ÿ'), 'latin1')
    : bytes;
}

const numbers = /"(id|policyId|hostId|controlId|technologyId|networkId|assetId)":(\d+)/g;
const texts = /"(policyId|subscriptionId|customerId)":"(\d+)"/g;

function swapIdTypes(text: string): string {
  if (!text.includes('"hostIds":[')) return text.replace(texts, '"$1":$2').replace(numbers, '"$1":"$2"');
  return text
    .replace(texts, '"$1":$2')
    .replace(/"hostIds":\[[^\]]*\]/, (list) => `"hostIds":${list.slice(10).replaceAll('"', '')}`);
}

/** A record in three parts: the same id, each with a third of the evidence's size. */
function parts(text: string): string[] {
  const size = /"totalDataSizeKB":"([\d.]+)"/.exec(text)?.[1] ?? '0';
  return [1, 2, 3].map((part) =>
    text
      .replace(/"currentDataSizeKB":"[\d.]+"/, `"currentDataSizeKB":"${(Number(size) / 3).toFixed(2)}"`)
      .replace('"currentBatch":1,"totalBatches":1', `"currentBatch":${part},"totalBatches":3`)
      .replace(/"currentValues":"/, `"currentValues":"part ${part} of 3: `),
  );
}
