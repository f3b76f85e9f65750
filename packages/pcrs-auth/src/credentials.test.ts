import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readCredentials } from './credentials.ts';

const read = (text: string, place = '-', stdinIs = 'stream') => {
  const hidden: string[] = [];
  async function* stdin() {
    for (const byte of Buffer.from(text)) yield Buffer.of(byte);
  }
  const context = {
    stdin: stdin(),
    stdinIs,
    log: { secrets: { add: (value: string) => void hidden.push(value) } },
  };
  return readCredentials(place, context).then((credentials) => ({ credentials, hidden }));
};

test('reads one object of user, password and gateway, and hides the password', async () => {
  const { credentials, hidden } = await read('\ufeff{"username":"alice","password":"s3cret","other":1}\n');
  assert.deepEqual(credentials, { username: 'alice', password: 's3cret' });
  assert.deepEqual(hidden, ['s3cret']);
});

test('refuses anything else without showing it', async () => {
  const wrong = [
    '',
    'canary',
    '"canary"',
    '["canary"]',
    'null',
    '{"password":""}',
    '{"password":["canary"]}',
    'c'.repeat(70_000),
  ];
  for (const text of wrong) {
    await assert.rejects(read(text), (error: Error & { code: string }) => {
      assert.equal(error.code, 'PCRS_USAGE');
      return !error.message.includes('canary') && error.message.startsWith('--credentials: ');
    });
  }
});

test('reads only stdin, and not from a terminal', async () => {
  await assert.rejects(read('{}', 'file.json'), /must be - \(stdin\)/);
  await assert.rejects(read('{}', '-', 'terminal'), /is a terminal/);
});
