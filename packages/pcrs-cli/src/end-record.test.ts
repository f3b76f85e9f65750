import assert from 'node:assert/strict';
import { test } from 'node:test';
import { codedError } from 'pcrs-records/errors';
import { endOf } from './end-record.ts';
import { openLog } from './log.ts';

test('a failed end holds stage, status, code and message, and no secret', () => {
  const log = openLog({
    tool: 'pcrs-auth',
    quiet: false,
    verbose: false,
    format: 'text',
    terminal: false,
    write() {},
  });
  log.secrets.add('s3cret');
  const { endedAt, ...end } = endOf(
    { runId: null, stage: 'pcrs-auth' },
    log,
    codedError('PCRS_REFUSED', 'not s3cret enough'),
  );
  assert.ok(Date.parse(endedAt) > 0);
  assert.deepEqual(end, {
    ...{ kind: 'end', runId: null, stage: 'pcrs-auth', ok: false, status: 4, in: {}, out: {}, sums: {} },
    ...{
      requests: 0,
      retries: 0,
      bytes: 0,
      warnings: 0,
      error: { code: 'PCRS_REFUSED', message: 'not [secret] enough' },
    },
  });
});
