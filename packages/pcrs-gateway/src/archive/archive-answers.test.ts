import assert from 'node:assert/strict';
import { appendFileSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { BrokenBodyError } from 'pcrs-json/broken-body';
import type { Gateway } from '../ask/gateway.ts';
import type { Consume, GatewayRequest } from '../ask/request.ts';
import { wholeBody } from '../ask/whole.ts';
import { askKeeping } from './ask-keeping.ts';

const root = mkdtempSync(join(tmpdir(), 'pcrs-answers-'));
after(() => rmSync(root, { recursive: true }));
const newDirectory = () => join(mkdtempSync(join(root, 'a-')), 'archive');

/** Answers each request with its own text, and counts. */
function echo(): Gateway & { asked: string[] } {
  const asked: string[] = [];
  const ask = async <T>(request: GatewayRequest, consume: Consume<T>): Promise<T> => {
    asked.push(request.query['q'] ?? '');
    const body = (async function* () {
      yield Buffer.from(`[${request.query['q']}]`);
    })();
    return consume({ status: 200, headers: {}, body });
  };
  const tally = { requests: 0, retries: 0, bytes: 0 };
  return { asked, url: 'http://127.0.0.1:1', username: 'u', tally, ask, close: async () => {} } as never;
}

const header = {
  stage: 'pcrs-x',
  version: '1',
  runId: 'r1',
  startedAt: '2026-11-23T00:00:00Z',
  options: { a: 1 },
};
const facts = () => ({ policies: ['1'], hosts: 2, records: 3 });

async function askAll(
  gateway: Gateway,
  directory: string,
  questions: string[],
  resume: boolean,
  over: Partial<typeof header> = {},
) {
  const got: string[] = [];
  await askKeeping(gateway, { directory, resume, header: { ...header, ...over } }, facts, async (kept) => {
    for (const q of questions) {
      const request = { endpoint: 'hostids', method: 'GET', path: '/x', query: { q }, what: q } as const;
      got.push(
        await kept.ask(request, async ({ body }) => {
          const text = (await wholeBody(body)).toString();
          if (!text.endsWith(']')) throw new BrokenBodyError('not closed');
          return text;
        }),
      );
    }
  });
  return got;
}

test('does not ask again for what a stopped run has stored', async () => {
  const directory = newDirectory();
  const gateway = echo();
  await askAll(gateway, directory, ['1', '2'], false);
  assert.deepEqual(await askAll(gateway, directory, ['1', '2', '3'], true), ['[1]', '[2]', '[3]']);
  assert.deepEqual(gateway.asked, ['1', '2', '3']);
});

test('asks twice for a request made twice in one run', async () => {
  const gateway = echo();
  const directory = newDirectory();
  await askAll(gateway, directory, ['1', '1'], false);
  assert.deepEqual(gateway.asked, ['1', '1']);
  await askAll(gateway, directory, ['1', '1'], true);
  assert.deepEqual(gateway.asked, ['1', '1', '1']);
});

test('asks again for a damaged answer', async () => {
  const gateway = echo();
  const directory = newDirectory();
  await askAll(gateway, directory, ['1'], false);
  const [file] = readdirSync(directory).filter((name) => name.endsWith('.json'));
  writeFileSync(join(directory, file!), '[1');
  assert.deepEqual(await askAll(gateway, directory, ['1'], true), ['[1]']);
  assert.deepEqual(gateway.asked, ['1', '1']);
});

test('skips a manifest line that a crash cut', async () => {
  const gateway = echo();
  const directory = newDirectory();
  await askAll(gateway, directory, ['1'], false);
  appendFileSync(join(directory, 'manifest.ndjson'), '{"kind":"body","key":"abc');
  assert.deepEqual(await askAll(gateway, directory, ['1', '2'], true), ['[1]', '[2]']);
  assert.deepEqual(gateway.asked, ['1', '2']);
});

test('an archive is private to its owner and belongs to one run and one selection', async () => {
  const gateway = echo();
  const directory = newDirectory();
  await askAll(gateway, directory, ['1'], false);
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory))
    assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600, name);
  await assert.rejects(askAll(gateway, directory, ['1'], false), {
    code: 'PCRS_USAGE',
    message: /already contains an archive/,
  });
  await assert.rejects(askAll(gateway, directory, ['1'], true, { runId: 'r2' }), {
    code: 'PCRS_USAGE',
    message: /has different runId/,
  });
  await assert.rejects(askAll(gateway, directory, ['1'], true, { options: { a: 2 } }), {
    code: 'PCRS_USAGE',
    message: /has different options/,
  });
});

test('refuses to resume without an archive', async () => {
  await assert.rejects(
    askKeeping(echo(), { directory: undefined, resume: true, header }, facts, async () => {}),
    { code: 'PCRS_USAGE' },
  );
});
