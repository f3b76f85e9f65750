// No password and no token leaks: canaries go through every tool, failures included, then every output, file and
// database is searched for them in every spelling.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite, test } from 'node:test';
import { openPlace } from './support/open-place.ts';
import { type Ended, makePlace, type Place } from './support/programs.ts';

const password = 'Canary&pass+wörd= %41"7391\\';
const ownToken = 'eyJhbGciOiJIUzUxMiJ9.Y2FuYXJ5LXRva2VuLTczOTE.c2lnbmF0dXJlLWNhbmFyeS03Mzkx';
const proxyPassword = 'canary-proxy-7391';
const commandText = 'canary-in-a-command-7391';

const place = await openPlace('secrets', { policies: 4, hosts: 12, controls: 4 });
const { folder } = place;

/** Everything that a person or a program could read after a test. */
class Evidence {
  readonly #texts: [string, Buffer][] = [];
  readonly #tokens = new Set<string>();

  ended(name: string, { stdout, stderr }: Ended): void {
    this.#texts.push([`stdout of ${name}`, Buffer.from(stdout)], [`stderr of ${name}`, Buffer.from(stderr)]);
  }

  /** All files below a folder, except token files and those into which the test itself wrote secrets. */
  files(path: string, except: readonly string[] = []): void {
    for (const name of readdirSync(path, { recursive: true, encoding: 'utf8' })) {
      const file = join(path, name);
      const kept = /(^|\/)tokens\//.test(name) || except.includes(name);
      if (statSync(file).isFile() && !kept) this.#texts.push([file, readFileSync(file)]);
    }
  }

  /** The tokens that a simulator received. */
  tokensOf({ simulator }: Place): void {
    for (const { headers } of simulator.requests) {
      const token = String(headers['authorization'] ?? '').replace(/^Bearer /, '');
      if (token !== '') this.#tokens.add(token);
    }
  }

  get tokens(): number {
    return this.#tokens.size;
  }

  /** Fails if a secret is found; names the place, not the secret. */
  check(): void {
    assert.ok(
      this.#texts.some(([, bytes]) => bytes.length > 0),
      'there is something to search',
    );
    const secrets = [password, ownToken, proxyPassword, commandText, ...this.#tokens];
    for (const [index, secret] of secrets.entries()) {
      for (const [how, spelling] of Object.entries(spellings(secret))) {
        const leak = this.#texts.find(([, bytes]) => bytes.includes(spelling));
        assert.equal(leak?.[0], undefined, `secret ${index} leaked, ${how}`);
      }
    }
    // A token's parts, however written: in any case, percent-encoded, wrapped over lines.
    const plain = this.#texts.map(([name, bytes]) => [name, plainest(bytes)] as const);
    for (const part of [ownToken, ...this.#tokens].flatMap((token) => token.toLowerCase().split('.'))) {
      const leak = plain.find(([, text]) => text.includes(part));
      assert.equal(leak?.[0], undefined, 'a part of a token leaked');
    }
  }
}

function plainest(bytes: Buffer): string {
  const text = bytes
    .toString('latin1')
    .replace(/%([\da-f]{2})/gi, (_, code) => String.fromCharCode(parseInt(code, 16)));
  return text.replace(/\s+|\\[nrt]/g, '').toLowerCase();
}

function spellings(secret: string): Record<string, string> {
  const url = encodeURIComponent(secret);
  const base64 = (text: string) => Buffer.from(text).toString('base64').replace(/=+$/, '').slice(0, -1);
  return {
    raw: secret,
    'URL-encoded': url,
    'as a form': new URLSearchParams({ x: secret }).toString().slice(2),
    'as JSON': JSON.stringify(secret).slice(1, -1),
    base64: base64(secret),
    base64url: base64(secret).replaceAll('+', '-').replaceAll('/', '_'),
    'base64 of user:password': base64(`demo:${secret}`),
    ...(secret.split('.').length === 3 ? { "a token's signature": secret.split('.')[2]! } : {}),
  };
}

const loud = ['--verbose', '--verbose --log-format json'];
const stages = (flags: string) =>
  `pcrs-policies ${flags} | pcrs-hostids ${flags} | pcrs-posture --evidence --archive archive ${flags}`;

suite('secrets', { concurrency: 2 }, () => {
  for (const flags of loud) {
    test(`none is in what a good run leaves behind (${flags})`, async () => {
      const cwd = folder();
      const evidence = new Evidence();
      const env = { PCRS_PASSWORD: password, PCRS_DEBUG: '1', PCRS_STATE_DIR: join(cwd, 'state') };
      const line = `set -o pipefail; pcrs-auth ${flags} | ${stages(flags)} | tee run.ndjson | pcrs-to-sqlite ${flags} --snapshot s; pcrs-to-csv ${flags} --dir csv < run.ndjson; pcrs-auth ${flags} --check; pcrs-auth ${flags} --renew; pcrs-auth ${flags} --logout`;
      const ended = await place.bash(line, { env, cwd });
      assert.equal(ended.status, 0, ended.stderr);
      assert.match(ended.stderr, /postureInfo/, 'it was loud');
      evidence.ended(line, ended);
      evidence.files(cwd);
      evidence.tokensOf(place);
      assert.ok(evidence.tokens > 0, 'a token was used');
      evidence.check();
    });
  }

  test('none is in what pcrs-etl leaves behind', async () => {
    const cwd = folder();
    const evidence = new Evidence();
    const env = { PCRS_PASSWORD: password, PCRS_STATE_DIR: join(cwd, 'state') };
    for (const flags of loud) {
      const ended = await place.bash(`pcrs-etl --out out --evidence ${flags}`, { env, cwd });
      assert.equal(ended.status, 0, ended.stderr);
      evidence.ended('pcrs-etl', ended);
    }
    evidence.files(cwd);
    evidence.tokensOf(place);
    evidence.check();
  });

  test('none is in the log of the simulator', async () => {
    const cwd = folder();
    const evidence = new Evidence();
    const line = `coproc pcrs-simulator --rate-limit off --policies 2 --request-log requests.log; read -r line <&"\${COPROC[0]}"
      export PCRS_GATEWAY=$(jq -r .gateway <<< "$line") PCRS_STATE_DIR=$PWD/state; pcrs-policies -n; PCRS_TOKEN='${ownToken}' pcrs-policies -n
      pcrs-auth --print-token > state/tokens/printed; kill $COPROC_PID; wait`;
    evidence.ended('the shell', await place.bash(line, { env: { PCRS_PASSWORD: password }, cwd }));
    evidence.files(cwd);
    assert.ok(readFileSync(join(cwd, 'requests.log'), 'utf8').includes('/auth'));
    const printed = readFileSync(join(cwd, 'state/tokens/printed'), 'utf8').trim();
    assert.equal(printed.split('.').length, 3);
    assert.equal(readFileSync(join(cwd, 'requests.log'), 'utf8').includes(printed.split('.')[2]!), false);
    evidence.check();
  });

  const broken: Record<string, object> = {
    'that refuses the password': { username: 'demo', password: 'another' },
    'that forbids': { faults: ['*:2-:status=403:body=json'] },
    'that fails': { faults: ['posture:*:status=500:body=long', 'list:1:status=503'] },
    'whose tokens are revoked on the way': {
      faults: ['list:1:revoke', 'hostids:1:expired', 'posture:1:revoke'],
    },
    'that knows no token': { faults: ['list:*:unauthenticated'] },
    'that redirects': { faults: ['*:*:redirect=https://elsewhere.example.com/'] },
    'that breaks off': { faults: ['auth:1:refuse', 'posture:1:cut=200', 'hostids:1:html'] },
    'that answers with a page': { faults: ['auth:*:html'] },
  };
  for (const [index, [what, options]] of Object.entries(broken).entries()) {
    test(`none is in what a gateway ${what} leaves behind`, async () => {
      const other = await makePlace('secrets-other', { policies: 3, hosts: 6, controls: 3, ...options });
      try {
        const cwd = other.folder();
        const evidence = new Evidence();
        const env = {
          PCRS_PASSWORD: password,
          PCRS_DEBUG: '1',
          PCRS_STATE_DIR: join(cwd, 'state'),
          PCRS_RETRIES: '2',
        };
        const flags = loud[index % loud.length]!;
        const line = `pcrs-auth ${flags} | ${stages(flags)} | tee run.ndjson | pcrs-to-sqlite ${flags} --snapshot s`;
        evidence.ended(line, await other.bash(line, { env, cwd }));
        evidence.files(cwd);
        evidence.tokensOf(other);
        evidence.check();
      } finally {
        await other.close();
      }
    });
  }

  test('none is in the message about a wrong place for it', async () => {
    const cwd = folder();
    const files: Record<string, string> = {
      'password.txt': `${password}\n`,
      'token.txt': `${ownToken}\n`,
      'torn.json': `{"username":"demo","password":"${JSON.stringify(password).slice(1, -1)}"`,
      'odd.json': JSON.stringify({ username: 1, password, passwort: password }),
      'config.json': JSON.stringify({
        profiles: { default: { password, usrname: 'x' }, a: { password: [password] } },
      }),
      'torn-config.json': `{"profiles":{"default":{"password":"${JSON.stringify(password).slice(1, -1)}"`,
      'credentials.json': JSON.stringify({ username: 'demo', password, gateway: place.simulator.gateway }),
    };
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cwd, name), text, { mode: 0o600 });
    const quoted = `'${password}'`;
    const lines = [
      `pcrs-auth --password ${quoted}`,
      `pcrs-auth --password=${quoted}`,
      `pcrs-auth --passwort=${quoted}`,
      `pcrs-auth --token ${ownToken}`,
      `pcrs-auth --gateway 'https://demo:${proxyPassword}@gateway.example.com'`,
      `pcrs-auth --proxy 'http://demo:${proxyPassword}@127.0.0.1:1' --gateway https://gateway.example.com --renew --retries 0`,
      `pcrs-policies -n --proxy 'demo:${proxyPassword}@@::1' --gateway https://gateway.example.com --retries 0`,
      `HTTPS_PROXY='http://demo:${proxyPassword}@127.0.0.1:1' pcrs-auth --gateway https://gateway.example.com --renew --retries 0`,
      'pcrs-auth --credentials - < torn.json',
      'pcrs-auth --credentials - < odd.json',
      'pcrs-auth --credentials - < credentials.json',
      'pcrs-auth --config config.json',
      'pcrs-auth --config config.json --profile a --renew',
      'pcrs-auth --config torn-config.json',
      `unset PCRS_PASSWORD; pcrs-auth --renew --password-command 'echo ${commandText}; exit 3'`,
      `unset PCRS_PASSWORD; pcrs-auth --renew --password-command 'echo ${commandText} >&2; exit 3' 2>/dev/null`,
      `unset PCRS_PASSWORD; pcrs-auth --renew --password-command 'printf "%s\\n" ${commandText}'`,
      `unset PCRS_PASSWORD; pcrs-policies -n --token-command 'echo ${ownToken}'`,
      `unset PCRS_PASSWORD; pcrs-policies -n --token-command 'echo ${commandText}; exit 3'`,
      'unset PCRS_PASSWORD; pcrs-auth --renew --password-file password.txt',
      'unset PCRS_PASSWORD; pcrs-auth --renew --password-file /nowhere/password.txt',
      'unset PCRS_PASSWORD; pcrs-policies -n --token-file token.txt',
      `unset PCRS_PASSWORD; PCRS_TOKEN=${ownToken} pcrs-policies -n`,
      `PCRS_PASWORD=${quoted} pcrs-auth --renew`,
      `PCRS_PASSWORD_FILE=${quoted} pcrs-auth --renew`,
      `PCRS_TIMEOUT=${quoted} pcrs-auth --renew --timeout 1`,
    ];
    const evidence = new Evidence();
    const env = { PCRS_PASSWORD: password, PCRS_STATE_DIR: join(cwd, 'state'), PCRS_MAX_WAIT: '1' };
    for (const [index, line] of lines.entries()) {
      const flags = loud[index % loud.length];
      const [command, redirection = ''] = line.split(/(?= [<2]>?)/, 2) as [string, string?];
      evidence.ended(line, await place.bash(`${command} ${flags}${redirection}`, { env, cwd }));
    }
    evidence.files(cwd, Object.keys(files));
    evidence.check();
  });

  test('the search finds a secret in every spelling', () => {
    for (const spelling of Object.values(spellings(password))) {
      const evidence = new Evidence();
      evidence.ended('a leak', { status: 0, signal: null, stdout: '', stderr: `before ${spelling} after` });
      assert.throws(() => evidence.check(), /leaked/);
    }
    const [header, claims, signature] = ownToken.split('.');
    for (const part of [
      header!,
      claims!.toLowerCase(),
      signature!.replace(/.{5}/g, '$&\n  '),
      '%65yJhbGciOiJIUzUxMiJ9',
    ]) {
      const evidence = new Evidence();
      evidence.ended('a leak', { status: 0, signal: null, stdout: `before ${part} after`, stderr: '' });
      assert.throws(() => evidence.check(), /a part of a token leaked/);
    }
  });
});
