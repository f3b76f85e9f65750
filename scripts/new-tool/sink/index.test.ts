import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ThingOptions, toThing } from './index.ts';

const run = { runId: '01a2069f-b6c0-7fe2-ab0b-ab17e8304f46', startedAt: '2026-11-23T04:17:40Z' };
const session = { kind: 'session', gateway: 'https://gateway.example', ...run };
const posture = {
  kind: 'posture',
  hostId: 118701,
  controlId: 7,
  status: 'Failed',
  criticality: { label: 'URGENT' },
};

async function written(records: readonly object[], options: ThingOptions = {}): Promise<string> {
  const bytes = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(''));
  return (await Array.fromAsync(toThing([bytes.subarray(0, 50), bytes.subarray(50)], options))).join('');
}

test('writes a line for each posture, in any chunking', async () => {
  const other = { kind: 'posture', hostId: 9, controlId: 8, status: null };
  assert.equal(await written([posture, other]), '["118701","7","Failed","URGENT"]\n["9","8",null,null]\n');
});

test('refuses a posture without a host, and skips it if asked to', async () => {
  const { hostId: _, ...without } = posture;
  await assert.rejects(written([without]), { code: 'PCRS_RECORD', message: 'stdin:1: hostId is missing' });
  assert.equal(await written([without, posture], { skipBad: true }), '["118701","7","Failed","URGENT"]\n');
});

test('a run that breaks off is incomplete', async () => {
  await assert.rejects(written([session, posture]), { code: 'PCRS_INCOMPLETE' });
});
