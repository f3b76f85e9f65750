// Secrets in all sorts of trouble, with every message and every log format on: never shown or sent elsewhere.
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { after, suite, test } from 'node:test';
import { startSimulator } from 'pcrs-simulator';
import { canaries, leakIn, watchedPlace } from '../support/faults-canary.ts';
import { isLong } from '../support/faults-random.ts';
import { records } from '../support/programs.ts';

const world = { seed: 21, policies: 5, hosts: 8, controls: 3, hostsPerPolicy: 2 };
const place = await watchedPlace('faults-secrets', world);
after(() => place.close());
const { simulator } = place;

/** Another machine that would like to have a secret. */
const asked: string[] = [];
const thief = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    asked.push(
      JSON.stringify([request.method, request.url, request.rawHeaders, Buffer.concat(chunks).toString()]),
    );
    response.writeHead(201).end('a.b.c');
  });
});
thief.on('connect', (request, socket) => {
  asked.push(JSON.stringify(request.rawHeaders));
  socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
});
await new Promise<void>((resolve) => thief.listen(0, '127.0.0.1', resolve));
after(() => thief.close());
const elsewhere = `http://127.0.0.1:${(thief.address() as AddressInfo).port}`;

const troubles = [
  [],
  ['auth:*:status=401'],
  ['auth:*:status=500:body=long'],
  ['auth:*:html'],
  ['auth:1:cut=300:how=end'],
  ['list:*:status=403'],
  ['list:*:expired'],
  ['hostids:*:status=400:code=1905'],
  ['hostids:*:form=kind-member'],
  ['posture:*:expired'],
  ['posture:*:cut=100'],
  ['posture:*:refuse'],
  ['posture:*:garbage'],
  ['posture:1:revoke', 'posture:3:status=500'],
  [`posture:*:redirect=${elsewhere}/login`],
];

suite('no secret is shown', { concurrency: 2 }, () => {
  const loud = '--verbose --retries 1';
  const pipe = (flags: string) =>
    `pcrs-auth ${flags} | pcrs-policies ${flags} | pcrs-hostids ${flags} | pcrs-posture ${flags} --archive kept | tee stream | pcrs-to-sqlite --verbose out.db`;
  for (const [index, faults] of troubles.entries()) {
    for (const [log, env] of [
      ['text', { PCRS_DEBUG: '1' }],
      ['json', {}],
    ] as const) {
      if (!isLong && (index % 2 === 0) === (log === 'json')) continue;
      test(`${faults.join(', ') || 'no fault'}, ${log}`, async () => {
        const own = await startSimulator({ ...world, rateLimit: 'off', faults });
        try {
          const cwd = place.folder();
          const more = { ...env, PCRS_GATEWAY: own.gateway, PCRS_STATE_DIR: join(cwd, 'state') };
          const { stderr } = await place.bash(pipe(`${loud} --log-format ${log}`), { cwd, env: more });
          assert.ok(stderr.includes('/auth'), 'requests are told');
          if (log === 'json')
            for (const line of stderr.trimEnd().split('\n'))
              if (!line.startsWith('pcrs-to-sqlite')) JSON.parse(line);
        } finally {
          await own.close();
        }
      });
    }
  }
});

test('a redirect is not followed, with or without a token', () => {
  assert.deepEqual(asked, []);
});

test('a proxy gets its own password and nobody else sees it', async () => {
  const proxy = elsewhere.replace('//', `//proxyuser:${canaries.proxyPassword}@`);
  for (const flags of ['--verbose', '--verbose --log-format json']) {
    asked.length = 0;
    const ended = await place.bash(`pcrs-policies -n --retries 0 ${flags}`, {
      env: { PCRS_GATEWAY: 'https://gateway.canary.example', PCRS_PROXY: proxy, NO_PROXY: '' },
    });
    assert.equal(ended.status, 5, ended.stderr);
    assert.match(ended.stderr, /proxy answered 407/);
    assert.equal(asked.length, 1);
    assert.match(asked[0]!, /Proxy-Authorization/i);
    assert.ok(!asked[0]!.includes(canaries.password));
  }
  asked.length = 0;
});

suite('a forged session gets neither token nor password', () => {
  const session = async () => records((await place.bash('pcrs-auth')).stdout)[0];
  const stages = ['pcrs-policies', 'pcrs-hostids', 'pcrs-posture'];
  const input = (record: object) =>
    `${JSON.stringify(record)}\n{"kind":"policy","id":1}\n{"kind":"hostids","policyId":"1","hostIds":["1"]}\n`;

  for (const stage of stages) {
    test(`${stage}: another gateway`, async () => {
      const forged = { ...(await session()), gateway: elsewhere, tokenFile: null };
      for (const env of [{}, { PCRS_GATEWAY: '' }]) {
        const ended = await place.bash(stage, { input: input(forged), env });
        assert.equal(ended.status, 2, ended.stderr);
        assert.match(ended.stderr, new RegExp(`^${stage}: .*${elsewhere}`, 'm'));
      }
      assert.deepEqual(asked, []);
    });

    test(`${stage}: another token file, a link to one`, async () => {
      const cwd = place.folder();
      const real = await session();
      writeFileSync(
        join(cwd, 'token.json'),
        JSON.stringify({
          gateway: elsewhere,
          username: 'demo',
          token: 'x.y.z',
          expiresAt: '2099-01-01T00:00:00Z',
        }),
        { mode: 0o600 },
      );
      symlinkSync(join(cwd, 'token.json'), join(cwd, 'link.json'));
      for (const tokenFile of [join(cwd, 'token.json'), join(cwd, 'link.json'), '/etc/passwd']) {
        const before = simulator.requestCount;
        const ended = await place.bash(stage, { cwd, input: input({ ...real, tokenFile }) });
        assert.equal(ended.status, 2, ended.stderr);
        assert.match(ended.stderr, /token file/);
        assert.doesNotMatch(ended.stderr, /root:|x\.y\.z/);
        assert.equal(simulator.requestCount, before);
      }
      assert.deepEqual(asked, []);
    });
  }

  test('a token file that is a link is refused', async () => {
    const cwd = place.folder();
    const env = { PCRS_STATE_DIR: join(cwd, 'state') };
    const [made] = records((await place.bash('pcrs-auth', { env })).stdout);
    await place.bash(`mv '${made.tokenFile}' kept.json; ln -s "$PWD/kept.json" '${made.tokenFile}'`, { cwd });
    const ended = await place.bash('pcrs-policies -n', { env });
    assert.equal(ended.status, 2);
    assert.match(ended.stderr, /link/);
    await place.bash('rm kept.json', { cwd });
  });
});

test('only --print-token shows the token', async () => {
  const raw = await place.bash('pcrs-auth --print-token | wc -c');
  assert.ok(Number(raw.stdout) > 100);
  const [{ tokenFile }] = records((await place.bash('pcrs-auth')).stdout);
  assert.ok(leakIn(readFileSync(tokenFile, 'utf8')), 'the search finds a token');
  for (const line of [
    'pcrs-auth --check',
    'pcrs-auth --help',
    'pcrs-auth --completion bash',
    'pcrs-auth --verbose --renew',
  ]) {
    const { stdout, stderr } = await place.bash(line);
    assert.equal(leakIn(stdout + stderr), undefined);
  }
});
