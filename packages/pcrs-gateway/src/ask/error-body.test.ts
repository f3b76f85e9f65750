import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secrets } from 'pcrs-records/secrets';
import { parseErrorBody } from './error-body.ts';

const says = (text: string) => parseErrorBody(text, (said) => said);

test('quotes the best message of every form of error body', () => {
  const forms: [string, string | undefined, number | undefined][] = [
    ['{"status":401,"error":"Unauthorized","message":"JWT expired"}', 'JWT expired', undefined],
    [
      '[{"response":{"datetime":"x","code":1905,"text":"bad policy_ids"}}]',
      'bad policy_ids (code 1905)',
      1905,
    ],
    ['{"authentication_exceptions":[["Authentication Failure: x"]]}', 'Authentication Failure: x', undefined],
    ['{"error":"Unauthorized"}', 'Unauthorized', undefined],
    ['{"errorCode":"403 FORBIDDEN","message":"no permission"}', 'no permission', undefined],
    ['{"code":"1960","message":"too many"}', 'too many (code 1960)', 1960],
    ['{"errorCode":"X7"}', 'X7', undefined],
    [
      '<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>',
      '502 Bad Gateway',
      undefined,
    ],
    ['<p>\n  Sorry &amp; goodbye\n</p><script>alert("x")</script>', 'Sorry & goodbye', undefined],
    ['<RESPONSE><CODE>1965</CODE><TEXT>limit reached</TEXT></RESPONSE>', 'limit reached', 1965],
    ['upstream connect error\nsecond line', 'upstream connect error', undefined],
    ['{"unknown":1}', '{"unknown":1}', undefined],
    ['', undefined, undefined],
    ['{}', undefined, undefined],
  ];
  for (const [text, message, code] of forms) assert.deepEqual(says(text), { message, code }, text);
});

test('limits a quote to one line of printable text and 300 characters', () => {
  const { message } = says(`{"message":"a\\nb\\u001b[31m\\u2028c${'x'.repeat(1000)}"}`);
  assert.match(message!, /^a b \[31m cx+…$/);
  assert.equal(message!.length, 301);
});

test('hides secrets before it cuts, in every form they travel in', () => {
  const secrets = new Secrets();
  secrets.add('p@ss "canary"');
  const scrub = (text: string) => secrets.scrub(text);
  const echoes = [
    'you sent p@ss "canary"',
    'password=p%40ss+%22canary%22&x',
    'password=p%40ss%20%22canary%22',
    String.raw`{"message":"password p@ss \"canary\""}`,
    `<b>${'y'.repeat(280)} p@ss "canary"</b>`,
  ];
  for (const text of echoes)
    assert.doesNotMatch(parseErrorBody(text, scrub).message!, /canary|p@ss|p%40/, text);
  assert.equal(scrub('Authorization: Bearer abcdefgh.ijkl'), 'Authorization: Bearer [secret]');
  assert.equal(scrub('token eyJhbGciOiJIUzUxMiJ9.eyJzdWIiOiJ4In0.c2ln ends'), 'token [secret] ends');
});
