import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Secrets } from './secrets.ts';

const password = 'Canary&pass+wörd= %41"7391\\';
const token = 'eyJhbGciOiJIUzUxMiJ9.Y2FuYXJ5LXRva2VuLTczOTEtY2FuYXJ5.c2lnbmF0dXJlLWNhbmFyeS03Mzkx';

function knowing(...values: string[]): Secrets {
  const secrets = new Secrets();
  for (const value of values) secrets.add(value);
  return secrets;
}

test('removes a password in every form it travels in', () => {
  const secrets = knowing(password);
  const forms = [
    password,
    encodeURIComponent(password),
    new URLSearchParams({ p: password }).toString().slice(2),
    JSON.stringify(password).slice(1, -1),
    Buffer.from(password).toString('base64').replace(/=+$/, ''),
    password.toLowerCase(),
  ];
  for (const form of forms)
    assert.equal(secrets.scrub(`before ${form} after`), 'before [secret] after', form);
});

test('removes a token and each of its parts, in any case, percent-encoded, wrapped or cut', () => {
  const secrets = knowing(token);
  const escaped = (text: string) => Array.from(text, (one) => `%${one.charCodeAt(0).toString(16)}`).join('');
  const wrapped = (text: string) => text.replace(/.{9}/g, '$&\r\n\t');
  for (const part of [token, ...token.split('.'), token.slice(50, 70)]) {
    for (const form of [
      ...[part, part.toLowerCase(), part.toUpperCase(), part.replaceAll('.', '%2E'), escaped(part)],
      ...[wrapped(part), JSON.stringify(wrapped(part)).slice(1, -1)],
    ]) {
      const shown = secrets.scrub(`<${form}>`);
      assert.equal(shown, '<[secret]>', form);
    }
  }
});

test('leaves other text alone, to the byte', () => {
  const secrets = knowing(password, token, 'abc', 'four');
  for (const text of [
    'POST /pcrs/5.0/posture/postureInfo: 503, 7 tries in 4 min (policy 5772988, 50 hosts from 118772)',
    'Überprüfung der Größe: 100 % %41 %zz \\n \u{1f512}',
    'canary signature, canary token',
    '',
  ])
    assert.equal(secrets.scrub(text), text);
  assert.equal(secrets.scrub('plus four is ABC'), 'plus [secret] is ABC');
});

test('removes anything that looks like a token, whoever made it', () => {
  const secrets = new Secrets();
  assert.equal(secrets.scrub('Authorization: Bearer abcdefgh.ijkl'), 'Authorization: Bearer [secret]');
  assert.equal(secrets.scrub('jwt eyJhbGciOiJub25lIn0.e30. refused'), 'jwt [secret] refused');
});
