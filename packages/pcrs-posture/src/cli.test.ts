import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { openPlace } from '../../../test/support/open-place.ts';
import { type Ended, records, run } from '../../../test/support/programs.ts';

const place = await openPlace('posture', { seed: 7, policies: 6, hosts: 40, controls: 10 });
const { simulator, env } = place;
const { world } = simulator;
const truth = [...world.posture({ policies: world.policyIds('active') })]
  .map((text) => `{"kind":"posture",${text.slice(1)}`)
  .sort();
const prepared = await place.bash('pcrs-auth | pcrs-policies | pcrs-hostids');
assert.equal(prepared.status, 0, prepared.stderr);
const runInput = prepared.stdout;
const hostids = runInput.split('\n').filter((line) => line.startsWith('{"kind":"hostids"'));
const bare = `${hostids.join('\n')}\n`;

const posture = (
  args: readonly string[],
  input: string | undefined,
  cwd = place.folder(),
  more: Record<string, string> = {},
): Promise<Ended> =>
  run('pcrs-posture', args, { env: { ...env, ...more }, cwd, ...(input === undefined ? {} : { input }) });

const postures = (text: string): string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith('{"kind":"posture"'))
    .sort();
const endOf = (text: string) => records(text).at(-1);

const bomb = (bytes: string): void => simulator.faults.add(`posture:*:bomb=records:bytes=${bytes}`);

const fails = (ended: Ended, status: number, message: RegExp): void => {
  assert.match(ended.stderr, message);
  assert.equal(ended.stderr.trimEnd().split('\n').length, 1, ended.stderr);
  assert.equal(ended.status, status);
};

describe('pcrs-posture', () => {
  it('writes the posture of hostids records: tagged, as sent, or as one array', async () => {
    const sent = hostids.map((line) => line.replace('"kind":"hostids",', ''));
    for (const input of [
      bare,
      `${sent.join('\n')}\n`,
      `[${sent.join(',')}]`,
      `\ufeff\r\n${sent.join('\r\n\r\n')}`,
    ]) {
      const { stdout, stderr, status } = await posture([], input);
      assert.deepEqual([postures(stdout), stderr, status], [truth, '', 0]);
    }
  });

  it('forwards a run and writes a record for each slice', async () => {
    const { stdout, status } = await posture(['--hosts-per-request', '30', '--concurrency', '1'], runInput);
    assert.equal(status, 0);
    const all = records(stdout);
    assert.deepEqual(
      all.slice(0, 2).map(({ kind, stage }) => [kind, stage]),
      [
        ['session', undefined],
        ['start', 'pcrs-posture'],
      ],
    );
    const forwarded = new Set(runInput.split('\n'));
    assert.deepEqual(
      stdout.split('\n').filter((line) => forwarded.has(line)),
      runInput.split('\n'),
    );
    assert.deepEqual(postures(stdout), truth);
    const slices = all.filter(({ kind }) => kind === 'slice');
    assert.deepEqual(
      slices.map(({ number }) => number),
      slices.map((_, index) => index + 1),
    );
    assert.equal(
      slices.reduce((sum, slice) => sum + slice.records, 0),
      truth.length,
    );
    assert.ok(slices.every(({ file, sha256 }) => file === null && /^[\da-f]{64}$/.test(sha256)));
    const end = all.at(-1);
    assert.deepEqual(
      [end.kind, end.ok, end.in, end.out],
      ['end', true, { hostids: hostids.length }, { posture: truth.length }],
    );
    assert.deepEqual(end.slices, {
      planned: slices.length,
      fetched: slices.length,
      replayed: 0,
      failed: 0,
      notAsked: 0,
      missing: [],
      foreign: 0,
    });
  });

  it('counts without asking with --plan', async () => {
    const before = simulator.requestCount;
    const pairs = hostids.reduce((sum, line) => sum + JSON.parse(line).hostIds.length, 0);
    const hosts = new Set(hostids.flatMap((line) => JSON.parse(line).hostIds)).size;
    const { stdout } = await posture(['--plan', '--rate', '1/60'], bare, place.folder(), {
      PCRS_PASSWORD: '',
    });
    const policies = hostids.filter((line) => JSON.parse(line).hostIds.length > 0).length;
    assert.deepEqual(records(stdout), [
      { kind: 'plan', slices: 2, requests: 2, policies, hosts, pairs, leastSeconds: 60 },
    ]);
    assert.equal(simulator.requestCount, before);
  });

  it('asks nothing without hosts', async () => {
    const before = simulator.requestCount;
    const noHosts =
      '{"policyId":"1","subscriptionId":"2","hostIds":[]}\n{"policyId":"4","hostIds":[],"error":"Error: gone"}\n';
    for (const input of ['', '\n', noHosts]) {
      assert.deepEqual(await posture([], input), { status: 0, signal: null, stdout: '', stderr: '' });
    }
    assert.equal(simulator.requestCount, before);
  });

  it('names unusable input', async () => {
    fails(
      await posture([], `${hostids[0]}\n\n{"policyId":"1","hostIds":"118772"}\n`),
      3,
      /^pcrs-posture: stdin:3: hostIds must be an array, got "118772"\n$/,
    );
    fails(
      await posture([], '{"policyId":"1","hostIds":["7","x"]}\n'),
      3,
      /stdin:1: hostIds\[1\] must be digits, got "x"\n$/,
    );
    fails(
      await posture([], '{"kind":"policy","id":1,"title":"t"}\n'),
      3,
      /stdin:1: got policy records, not hostids; put pcrs-hostids before this stage\n$/,
    );
    fails(
      await posture([], '{"hello":1}\n'),
      3,
      /stdin:1: expected a hostids record, found \{"hello":1\}\n$/,
    );
    fails(await posture([], `${bare}{"policyId":"1","hos`), 6, /the stream was cut/);
    const policies = runInput
      .split('\n')
      .filter((line) => !/"kind":"hostids"|"stage":"pcrs-hostids"/.test(line))
      .join('\n');
    const forgotten = await posture([], policies);
    fails(forgotten, 3, /policy records, not hostids/);
    assert.equal(endOf(forgotten.stdout).ok, false);
    fails(await posture(['--untagged'], runInput), 2, /--untagged cannot be used in a run/);
  });

  it('keeps the digits of ids beyond 2^53', async () => {
    await posture(
      [],
      '{"policyId":9007199254740993,"subscriptionId":18446744073709551615,"hostIds":[9007199254740993,"007"]}\n',
    );
    assert.deepEqual(simulator.requests.at(-1)?.policies, [
      {
        policyId: '9007199254740993',
        subscriptionId: '18446744073709551615',
        hosts: 2,
        hostIds: ['9007199254740993', '007'],
      },
    ]);
  });

  it('refuses flags that conflict or that the version does not know', async () => {
    fails(await posture(['--scanned-from', '2026-01-01'], bare), 2, /--scanned-from needs --scanned-to/);
    fails(
      await posture(['--scanned-from', '7d', '--scanned-to', '1d', '--scanned-since', '7d'], bare),
      2,
      /exclude each other/,
    );
    fails(
      await posture(['--extended-evidence', '--api-version', '3.0'], bare),
      2,
      /--extended-evidence is not supported by postureInfo 3\.0/,
    );
    fails(await posture(['--scanned-since', 'yesterday'], bare), 2, /--scanned-since must be YYYY-MM-DD/);
    fails(
      await posture(['--policies-per-request', '11'], bare),
      2,
      /must be 1 to 10 \(the gateway's limit\)/,
    );
  });

  it("counts relative dates from the session's start, and warns about host ids of another version", async () => {
    const startedAt = new Date(JSON.parse(runInput.split('\n', 1)[0]!).startedAt);
    const { stderr, status } = await posture(['--evaluated-since', '24h', '--api-version', '2.0'], runInput);
    assert.equal(status, 0);
    const expected = `${new Date(startedAt.getTime() - 24 * 3_600_000).toISOString().slice(0, 19)}Z`;
    assert.equal(simulator.requests.at(-1)?.query['lastEvaluationDate'], expected);
    assert.match(stderr, /host ids are from version 5\.0, posture from 2\.0: SCA hosts are missing/);
  });

  it('writes every byte to a slow reader, also beyond the memory limit', async () => {
    const line = `echo '{"policyId":"1","hostIds":["2"]}' | pcrs-posture`;
    bomb('40000000');
    const sums = await place.bash(
      `${line} | sha256sum; ${line} | { sleep 0.3; head -c 300000; sleep 0.3; cat; } | sha256sum; ${line} | wc -c`,
    );
    simulator.faults.clear();
    const [fast, slow, size] = sums.stdout.split('\n');
    assert.equal(sums.stderr, '');
    assert.equal(fast, slow);
    assert.ok(Number(size) > 40_000_000);
  });

  it('lists what is missing in its end, with status 5', async () => {
    const hostId = JSON.parse(hostids[0]!).hostIds[3];
    simulator.faults.add(`posture:*:cut=100@host=${hostId}`);
    const { stdout, stderr, status } = await posture(['--retries', '1'], runInput);
    simulator.faults.clear();
    assert.equal(status, 5);
    assert.match(
      stderr,
      /; nothing was kept; if a run has --archive DIR, pcrs-posture --archive DIR --resume asks only for what is missing\n$/,
    );
    const end = endOf(stdout);
    assert.deepEqual([end.ok, end.status, end.error.code], [false, 5, 'PCRS_GATEWAY']);
    assert.ok(
      end.slices.missing.every((slice: object) => 'firstHostId' in slice && slice.firstHostId === hostId),
    );
    assert.deepEqual(
      postures(stdout),
      truth.filter((line) => String(JSON.parse(line).hostId) !== hostId),
    );
  });
});

describe('an archive of posture', () => {
  const slicing = ['--hosts-per-request', '12', '--concurrency', '1'];
  const full = async (folder: string, input = runInput): Promise<Ended> =>
    posture(['--archive', 'a', ...slicing], input, folder);
  const withoutTimes = (text: string): string[] =>
    text.split('\n').filter((line) => !/"kind":"(?:start|end)"/.test(line) || !/pcrs-posture/.test(line));

  /** Runs until this many slices are written, then kills with SIGKILL. */
  async function killed(folder: string, after: number): Promise<void> {
    simulator.faults.add(`posture:${after}-:drip=200:every=20`);
    const ended = await run('pcrs-posture', ['--archive', 'a', ...slicing], {
      ...{ env, cwd: folder, input: runInput },
      onStart(child) {
        const watch = setInterval(() => {
          const manifest = join(folder, 'a', 'manifest.ndjson');
          const text = existsSync(manifest) ? readFileSync(manifest, 'utf8') : '';
          if (!text.includes('"kind":"input"') || text.split('"kind":"body"').length < after) return;
          clearInterval(watch);
          child.kill('SIGKILL');
        }, 2);
      },
    });
    simulator.faults.clear();
    assert.equal(ended.signal, 'SIGKILL');
  }

  it('holds every body and replays the same stream without a request or credentials', async () => {
    const folder = place.folder();
    const first = await full(folder);
    assert.deepEqual([first.status, first.stderr], [0, '']);
    const before = simulator.requestCount;
    const again = await posture(['--archive', 'a', '--replay'], undefined, folder, {
      PCRS_PASSWORD: '',
      PCRS_USERNAME: '',
      PCRS_GATEWAY: '',
    });
    assert.deepEqual([again.status, again.stderr], [0, '']);
    assert.deepEqual(withoutTimes(again.stdout), withoutTimes(first.stdout));
    assert.equal(simulator.requestCount, before);
    assert.equal(endOf(again.stdout).slices.replayed, endOf(first.stdout).slices.fetched);
    const sums = await place.bash('cd a && sha256sum -c --strict --quiet SHA256SUMS && cat input.ndjson', {
      cwd: folder,
    });
    assert.deepEqual(sums, { status: 0, signal: null, stdout: runInput, stderr: '' });
    for (const name of readdirSync(join(folder, 'a')))
      assert.equal(statSync(join(folder, 'a', name)).mode & 0o777, 0o600);
    const files = records(first.stdout).flatMap(({ kind, file }) => (kind === 'slice' ? [file] : []));
    assert.ok(files.length > 3 && files.every((file) => existsSync(join(folder, 'a', file))));
  });

  it('resumes after kill -9, asks only for what is missing, and writes the whole stream', async () => {
    const whole = await full(place.folder());
    for (const after of [1, 2, 4]) {
      const folder = place.folder();
      await killed(folder, after);
      const before = simulator.requests.length;
      const resumed = await posture(['--archive', 'a', '--resume', '--concurrency', '1'], undefined, folder);
      assert.equal(resumed.status, 0, resumed.stderr);
      const { planned, fetched, replayed } = endOf(resumed.stdout).slices;
      assert.ok(replayed >= after - 1 && fetched + replayed === planned, `${fetched} + ${replayed}`);
      assert.equal(
        simulator.requests.slice(before).filter(({ endpoint }) => endpoint === 'posture').length,
        fetched,
      );
      const noFiles = (text: string) => withoutTimes(text).map((line) => line.replace(/"file":.*/, ''));
      assert.deepEqual(noFiles(resumed.stdout), noFiles(whole.stdout));
      assert.equal(
        (await place.bash('cd a && sha256sum -c --strict --quiet SHA256SUMS', { cwd: folder })).status,
        0,
      );
      fails(
        await posture(['--archive', 'a', '--resume'], undefined, folder),
        2,
        /the archive is complete; use --replay to read it/,
      );
    }
  });

  it('resumes after slices were given up, without asking for the halves that came', async () => {
    const folder = place.folder();
    const hostId = JSON.parse(hostids[0]!).hostIds[3];
    simulator.faults.add(`posture:*:status=500@host=${hostId}`);
    const first = await posture(['--archive', 'a', '--retries', '0', ...slicing], runInput, folder);
    simulator.faults.clear();
    assert.equal(first.status, 5);
    assert.match(first.stderr, /; pcrs-posture --archive a --resume asks only for what is missing\n$/);
    const replay = await posture(['--archive', 'a', '--replay'], undefined, folder);
    fails(replay, 6, /the archive lacks \d+ of \d+ slices; --resume asks for them/);
    assert.deepEqual(postures(replay.stdout), postures(first.stdout));
    const resumed = await posture(['--archive', 'a', '--resume'], undefined, folder);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.deepEqual(postures(resumed.stdout), truth);
    const { missing } = endOf(first.stdout).slices;
    assert.equal(endOf(resumed.stdout).slices.fetched, missing.length);
  });

  it("does not take one slice's body for another's: resuming asks again, replaying is status 6", async () => {
    const folder = place.folder();
    const whole = await full(folder);
    const manifest = join(folder, 'a', 'manifest.ndjson');
    const lines = readFileSync(manifest, 'utf8').trimEnd().split('\n');
    const bodies = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === 'body');
    const [first, second] = bodies;
    writeFileSync(join(folder, 'a', second.file), readFileSync(join(folder, 'a', first.file)));
    const { sha256, bytes, records: count } = first;
    const lying = JSON.stringify({ ...second, sha256, bytes, records: count });
    const changed = lines.map((line) => (line.includes(second.file) ? lying : line));
    writeFileSync(manifest, `${changed.join('\n')}\n`);
    fails(
      await posture(['--archive', 'a', '--replay'], undefined, folder),
      6,
      new RegExp(`${second.file} is damaged: it is also the body of another slice`),
    );
    const unfinished = changed.filter((line) => !line.includes('"kind":"finished"'));
    writeFileSync(manifest, `${unfinished.join('\n')}\n`);
    const resumed = await posture(['--archive', 'a', '--resume'], undefined, folder);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.match(resumed.stderr, /is damaged, asking for it again: it is also the body of another slice/);
    assert.deepEqual(postures(resumed.stdout), postures(whole.stdout));
    assert.equal(endOf(resumed.stdout).slices.fetched, 1);
  });

  it('does not replay a body that holds nothing that was asked for', async () => {
    const folder = place.folder();
    await full(folder);
    const manifest = join(folder, 'a', 'manifest.ndjson');
    const body = Buffer.from('[{"id":1,"policyId":1,"hostId":1}]');
    const sha256 = createHash('sha256').update(body).digest('hex');
    const lines = readFileSync(manifest, 'utf8').trimEnd().split('\n');
    const changed = lines.map((line) => {
      const record = JSON.parse(line);
      if (record.kind !== 'body' || !record.file.startsWith('000002')) return line;
      writeFileSync(join(folder, 'a', record.file), body);
      return JSON.stringify({ ...record, sha256, bytes: body.length, records: 1 });
    });
    writeFileSync(manifest, `${changed.join('\n')}\n`);
    const replayed = await posture(['--archive', 'a', '--replay'], undefined, folder);
    fails(replayed, 6, /000002-.*: no record of the response was asked for \(the first: policy 1, host 1\)/);
  });

  it('asks again for a damaged body, and replays none', async () => {
    const folder = place.folder();
    simulator.faults.add('posture:4-:status=403');
    await full(folder);
    simulator.faults.clear();
    const [body] = readdirSync(join(folder, 'a')).filter((name) => name.startsWith('000002'));
    writeFileSync(join(folder, 'a', body!), 'damaged');
    fails(await posture(['--archive', 'a', '--replay'], undefined, folder), 6, /000002-\S+ is damaged/);
    const resumed = await posture(['--archive', 'a', '--resume'], undefined, folder);
    assert.equal(resumed.status, 0);
    assert.match(resumed.stderr, /000002-\S+ is damaged, asking for it again/);
    assert.deepEqual(postures(resumed.stdout), truth);
    assert.equal(
      (await place.bash('cd a && sha256sum -c --strict --quiet SHA256SUMS', { cwd: folder })).status,
      0,
    );
  });

  it('is refused if it does not fit', async () => {
    const folder = place.folder();
    simulator.faults.add('posture:3-:status=403');
    await full(folder);
    simulator.faults.clear();
    const at = (args: string[], input?: string, more = {}) =>
      posture(['--archive', 'a', ...args], input, folder, more);
    fails(await at([], runInput), 2, /a: already contains an archive; .*--resume or --replay/);
    fails(await at(['--resume', '--replay']), 2, /exclude each other/);
    fails(
      await at(['--resume', '--evidence']),
      2,
      /--evidence differs from the archive's \(none, now true\)/,
    );
    fails(
      await at(['--resume', '--hosts-per-request', '13']),
      2,
      /--hosts-per-request differs from the archive's \(12, now 13\)/,
    );
    fails(await posture(['--resume'], undefined), 2, /--resume needs --archive DIR/);
    fails(await posture(['--archive', 'none', '--replay'], undefined), 2, /none: no such archive/);
    const manifest = join(folder, 'a', 'manifest.ndjson');
    const text = readFileSync(manifest, 'utf8');
    const earlier = new Date(Date.now() - 13 * 3_600_000).toISOString();
    writeFileSync(manifest, text.replace(/(?<="startedAt":")[^"]+/, earlier));
    fails(await at(['--resume']), 2, /the archive is 13 h old.*--resume-within allows an older archive/);
    writeFileSync(manifest, text.replace(simulator.gateway, 'https://other.example'));
    fails(await at(['--resume']), 2, /the archive is of https:\/\/other\.example, not of/);
    writeFileSync(manifest, text.replace(/\{"kind":"input".*\n/, ''));
    fails(await at(['--resume']), 6, /the archive's input was cut: the run ended before reading all of it/);
    writeFileSync(manifest, text);
    writeFileSync(join(folder, 'a', 'input.ndjson'), runInput.slice(0, -100));
    fails(await at(['--replay']), 6, /the archive's input was cut: it differs from what the run has read/);
    const cut = runInput.replace(/\{"kind":"end".*"pcrs-hostids".*\n/, '');
    await posture(['--archive', 'b'], cut, folder);
    fails(
      await posture(['--archive', 'b', '--replay'], undefined, folder),
      6,
      /was cut: pcrs-hostids never ended/,
    );
    const start = runInput.split('\n').find((line) => line.startsWith('{"kind":"start"')) ?? '';
    const beside = start.replace(/"startId":"[^"]+"/, '"startId":"of one side by side that was cut"');
    await posture(['--archive', 'c'], runInput.replace(start, `${start}\n${beside}`), folder);
    fails(
      await posture(['--archive', 'c', '--replay'], undefined, folder),
      6,
      /was cut: pcrs-hostids never ended/,
    );
  });

  it('of a run whose host ids failed resumes only with the rest of its input, and replays with the failure', async () => {
    const folder = place.folder();
    const lost = hostids.at(-1);
    const end = runInput.split('\n').find((line) => /^\{"kind":"end".*"pcrs-hostids"/.test(line)) ?? '';
    const failure = { ok: false, status: 5, error: { code: 'PCRS_GATEWAY', message: '503' } };
    const failed = JSON.stringify({ ...JSON.parse(end), ...failure });
    const input = runInput.replace(`${lost}\n`, '').replace(end, failed);
    assert.equal((await posture(['--archive', 'a', ...slicing], input, folder)).status, 0);
    fails(
      await posture(['--archive', 'a', '--resume'], undefined, folder),
      6,
      /the archive's input is of a run that failed: pcrs-hostids ended 5; a new run is needed/,
    );
    const replayed = await posture(['--archive', 'a', '--replay'], undefined, folder);
    assert.equal(replayed.status, 0, replayed.stderr);
    assert.ok(replayed.stdout.split('\n').includes(failed), 'a sink hears of the failure');
    const resumed = await posture(['--archive', 'a', '--resume', '--input', '-'], runInput, folder);
    assert.equal(resumed.status, 0, resumed.stderr);
    assert.deepEqual(postures(resumed.stdout), truth);
    assert.ok(endOf(resumed.stdout).slices.replayed > 0, 'what is kept is not asked for again');
    fails(await posture(['--archive', 'a', '--resume', '--input', '-'], runInput, folder), 2, /is complete/);
  });

  it('resolves dates once', async () => {
    const folder = place.folder();
    simulator.faults.add('posture:2-:status=403');
    await posture(['--archive', 'a', '--evaluated-since', '900h', ...slicing], bare, folder);
    simulator.faults.clear();
    const resumed = await posture(
      ['--archive', 'a', '--resume', '--evaluated-since', '900h'],
      undefined,
      folder,
    );
    assert.deepEqual([resumed.status, resumed.stderr], [0, '']);
    const queries = simulator.requests.flatMap(({ query }) => query['lastEvaluationDate'] ?? []);
    assert.equal(new Set(queries.slice(-3)).size, 1);
    assert.equal(endOf(resumed.stdout).kind, 'posture');
  });
});
