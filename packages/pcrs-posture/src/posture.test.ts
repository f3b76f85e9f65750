import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { SimulatorOptions } from 'pcrs-simulator';
import { simulatorAndGateway } from '../../../test/support/open-gateway.ts';
import { type PolicyHosts, type PostureOptions, posture, postureSlices } from './index.ts';

const size = { seed: 5, policies: 6, hosts: 30, controls: 8 };
const { simulator, gateway } = await simulatorAndGateway(size);
const { world } = simulator;

const input = (): PolicyHosts[] =>
  world.policyIds().map((policyId) => ({
    policyId,
    subscriptionId: world.subscriptionId,
    hostIds: world.hostIds(policyId),
  }));
const truth = [...world.posture()];
const pairs = input().flatMap(({ policyId, hostIds }) => hostIds.map((hostId) => ({ policyId, hostId })));

interface Found {
  lines: string[];
  warnings: string[];
  counts: ReturnType<typeof postureSlices>['counts'];
  error: (Error & { code?: string }) | undefined;
  requests: number;
}

/** The output, however it ends. */
async function fetched(
  options: PostureOptions = {},
  policies: Iterable<PolicyHosts> = input(),
  from = gateway,
): Promise<Found> {
  const warnings: string[] = [];
  const lines: string[] = [];
  const before = simulator.requests.length;
  const slices = postureSlices(from, policies, { warn: (message) => warnings.push(message), ...options });
  let error: Error | undefined;
  try {
    for await (const slice of slices) {
      let records = 0;
      for await (const { bytes, count } of slice.blocks()) {
        records += count;
        lines.push(...Buffer.from(bytes).toString().split('\n').slice(0, -1));
      }
      assert.equal(records, slice.proof.records);
    }
  } catch (thrown) {
    error = thrown as Error;
  }
  const requests = simulator.requests.slice(before).filter(({ endpoint }) => endpoint === 'posture').length;
  return { lines, warnings, counts: slices.counts, error, requests };
}

async function withFaults(faults: string[], options: PostureOptions = {}): Promise<Found> {
  simulator.faults.add(...faults);
  try {
    return await fetched({ tagged: false, hostsPerRequest: 10, ...options });
  } finally {
    simulator.faults.clear();
  }
}

const sorted = (texts: Iterable<string>): string[] => [...texts].sort();

describe('posture', () => {
  it('yields the records as the gateway sends them, with kind in front, in input order', async () => {
    const { lines, error, counts } = await fetched({ concurrency: 1 });
    assert.equal(error, undefined);
    assert.deepEqual(
      lines,
      truth.map((text) => `{"kind":"posture",${text.slice(1)}`),
    );
    assert.deepEqual(
      { ...counts, planned: 0, fetched: 0 },
      { planned: 0, fetched: 0, replayed: 0, failed: 0, notAsked: 0, missing: [], foreign: 0 },
    );
  });

  it('yields the same records in whole slices with more requests in flight', async () => {
    for (const concurrency of [2, 4]) {
      const { lines, error } = await fetched({ concurrency, hostsPerRequest: 7, tagged: false });
      assert.equal(error, undefined);
      assert.deepEqual(sorted(lines), sorted(truth));
    }
  });

  it('yields parsed records with every digit', async () => {
    const records = await Array.fromAsync(posture(gateway, input(), { concurrency: 1 }));
    assert.deepEqual(
      records.map((record) => JSON.stringify(record)),
      truth,
    );
    const big = await simulatorAndGateway({ ...size, forms: ['big-numbers'] });
    const found = await Array.fromAsync(posture(big.gateway, input(), { concurrency: 1 }));
    assert.deepEqual(
      found.map((record) => JSON.stringify(record)),
      [...big.simulator.posture()],
    );
  });

  it('asks with policyId, subscriptionId and hostIds only, within the limits, the first twenty hosts first', async () => {
    const before = simulator.requests.length;
    await fetched({ concurrency: 1, hostsPerRequest: 50, policiesPerRequest: 3, evidence: true });
    const asked = simulator.requests.slice(before);
    assert.deepEqual(
      asked.map(
        ({ policies }) =>
          policies.length <= 3 &&
          policies.every(({ subscriptionId }) => subscriptionId === world.subscriptionId),
      ),
      asked.map(() => true),
    );
    const hosts = asked.map(({ policies }) => policies.reduce((sum, policy) => sum + policy.hosts, 0));
    assert.ok(hosts[0]! <= 20);
    assert.ok(hosts.every((count) => count <= 50));
    assert.equal(
      hosts.reduce((sum, count) => sum + count),
      pairs.length,
    );
    assert.deepEqual(asked[0]?.query, { evidenceRequired: '1', compressionRequired: '1' });
  });

  it('yields nothing for policies without hosts, and asks nothing', async () => {
    const { lines, requests, error } = await fetched({}, [
      { policyId: '1', subscriptionId: '1', hostIds: [] },
    ]);
    assert.deepEqual([lines, requests, error], [[], 0, undefined]);
  });

  const ways: Record<string, SimulatorOptions> = {
    'pretty-printed': { forms: ['pretty'] },
    'with line breaks and white space everywhere': { forms: ['padded', 'lines'] },
    'in several arrays': { forms: ['concatenated'] },
    'in several gzip members': { forms: ['gzip-members'] },
    'behind a byte order mark': { forms: ['bom'] },
    'declared as gzip': { contentEncoding: 'gzip' },
    'declared as gzip though plain': { contentEncoding: 'false' },
    'gzipped twice': { contentEncoding: 'double' },
    'in chunks of three bytes': { chunkBytes: 3, hosts: 3, policies: 2 },
    'with every character escaped': { forms: ['escaped'] },
    'with raw control characters': { forms: ['raw-controls'] },
    'with invalid UTF-8': { forms: ['invalid-utf8'] },
    'with records sent twice and in parts and unknown members': {
      forms: ['duplicates', 'split', 'unknown-members'],
    },
    'with half characters and ids as strings': { forms: ['lone-surrogates', 'string-ids'] },
  };
  for (const [how, options] of Object.entries(ways)) {
    it(`is the same if it is sent ${how}`, async () => {
      const other = await simulatorAndGateway({ ...size, ...options });
      const { world: there } = other.simulator;
      const policies = there
        .policyIds()
        .map((policyId) => ({ policyId, subscriptionId: undefined, hostIds: there.hostIds(policyId) }));
      const { lines, error, warnings } = await fetched(
        { concurrency: 1, evidence: true, tagged: false },
        policies,
        other.gateway,
      );
      assert.equal(error, undefined);
      const expected = [...other.simulator.posture({ evidence: 'evidence' })];
      assert.deepEqual(
        lines.map((line) => JSON.parse(line)),
        expected.map((text) => JSON.parse(text)),
      );
      const changed = /escaped \d+ raw control|invalid UTF-8 sequences? by/;
      assert.equal(
        warnings.some((message) => changed.test(message)),
        /raw|invalid/.test(how),
      );
    });
  }

  it('is empty for every form of an empty answer', async () => {
    for (const form of ['array', '204', 'empty']) {
      const { lines, error } = await withFaults([`posture:*:empty=${form}`]);
      assert.deepEqual([lines, error], [[], undefined], form);
    }
  });

  it('may be empty with a date filter if the body never begins, with a warning, but not with --strict or without a date', async () => {
    const dated = { scannedSince: '2020-01-01', hostsPerRequest: 1000 };
    const nothing = await withFaults(['posture:*:empty=broken'], dated);
    assert.deepEqual([nothing.lines, nothing.error], [[], undefined]);
    assert.ok(
      nothing.warnings.length > 0 &&
        nothing.warnings.every((text) => /either no data, or a dropped connection/.test(text)),
      `${nothing.warnings}`,
    );
    assert.equal(nothing.requests, 3 * nothing.counts.planned);
    for (const options of [{ ...dated, strict: true }, { hostsPerRequest: 1000 }]) {
      const failed = await withFaults(['posture:*:empty=broken'], options);
      assert.equal(failed.error?.code, 'PCRS_GATEWAY');
      assert.equal(failed.counts.failed, failed.counts.planned);
    }
    const once = await withFaults(['posture:1-2:empty=broken'], dated);
    assert.deepEqual(
      [sorted(once.lines), once.warnings],
      [sorted(world.posture({ scannedSince: Date.parse('2020-01-01') } as object)), []],
    );
  });

  it("refuses a kind member of the gateway's own, and writes it untagged", async () => {
    const other = await simulatorAndGateway({ ...size, forms: ['kind-member'] });
    const tagged = await fetched({}, input(), other.gateway);
    assert.equal(tagged.error?.code, 'PCRS_GATEWAY');
    assert.match(tagged.error?.message ?? '', /"kind" of its own/);
    assert.equal(other.simulator.requestCount - 1, Math.min(2, tagged.counts.planned));
    const untagged = await fetched({ tagged: false, concurrency: 1 }, input(), other.gateway);
    assert.deepEqual(untagged.lines, [...other.simulator.posture()]);
  });
});

const broken = [
  ...[
    'cut=1',
    'cut=2000',
    'cut=2000:how=chunk',
    'cut=2000:how=end',
    'unclosed',
    'half',
    'half-closed',
    'garbage',
    'html',
  ],
  ...[
    'corrupt=flip',
    'corrupt=crc',
    'corrupt=size',
    'corrupt=header',
    'corrupt=tail',
    'status=500',
    'status=503:body=html',
    'status=408',
  ],
  ...['status=429:to-wait=0', 'status=409:code=1965:retry-after=0', 'refuse', 'expired', 'empty=broken'],
];

describe('posture from a gateway in trouble', () => {
  for (const fault of broken) {
    it(`is right after ${fault}, once, and on every third request`, async () => {
      for (const when of ['2', '%3']) {
        for (const concurrency of [1, 4]) {
          const { lines, error, counts } = await withFaults([`posture:${when}:${fault}`], { concurrency });
          assert.equal(error, undefined);
          assert.deepEqual(sorted(lines), sorted(truth));
          assert.equal(counts.fetched, counts.planned);
        }
      }
    });
  }

  for (const fault of ['status=500', 'cut=300', 'half-closed', 'corrupt=crc']) {
    it(`gives up only the failing pairs (${fault}, always) and names them`, async () => {
      const [, , { hostId }] = pairs as [object, object, { hostId: string }];
      const blamed = pairs.filter((pair) => pair.hostId === hostId);
      for (const concurrency of [1, 4]) {
        const { lines, error, counts } = await withFaults([`posture:*:${fault}@host=${hostId}`], {
          concurrency,
          hostsPerRequest: 1000,
        });
        assert.equal(error?.code, 'PCRS_GATEWAY');
        assert.match(
          error?.message ?? '',
          /slices? failed .*--archive DIR --resume asks only for what is missing$/,
        );
        const good = truth.filter((text) => String(JSON.parse(text).hostId) !== hostId);
        assert.deepEqual(sorted(lines), sorted(good));
        assert.deepEqual(
          sorted(
            counts.missing.map(({ policies, hosts, firstHostId }) => `${policies} ${hosts} ${firstHostId}`),
          ),
          sorted(blamed.map((pair) => `${pair.policyId} 1 ${hostId}`)),
        );
        assert.equal(counts.planned, counts.fetched + counts.failed);
      }
    });
  }

  it('continues if all hosts of a policy fail', async () => {
    const [first] = input() as [PolicyHosts];
    for (const concurrency of [1, 2]) {
      const { lines, error, counts } = await withFaults([`posture:*:status=500@policy=${first.policyId}`], {
        concurrency,
        hostsPerRequest: 1000,
      });
      assert.equal(error?.code, 'PCRS_GATEWAY');
      assert.equal(counts.notAsked, 0);
      assert.equal(counts.failed, first.hostIds.length);
      assert.deepEqual(
        sorted(lines),
        sorted(truth.filter((text) => String(JSON.parse(text).policyId) !== first.policyId)),
      );
    }
  });

  it('stops if three slices in a row fail with the same 5xx, and counts what it did not ask for', async () => {
    const { lines, error, counts, requests } = await withFaults(['posture:3-:status=502'], {
      concurrency: 1,
    });
    assert.match(
      error?.message ?? '',
      /502.*; 3 slices in a row failed this way, so the rest were not asked for/,
    );
    assert.equal(counts.fetched, 2);
    assert.ok(counts.notAsked > 0);
    assert.equal(counts.planned, counts.fetched + counts.failed + counts.notAsked);
    assert.ok(lines.length > 0 && lines.every((line, index) => line === truth[index]));
    assert.ok(requests < 80, `${requests}`);
  });

  it('stops if three slices in a row get no connection', async () => {
    const { error, counts, requests } = await withFaults(['posture:*:refuse'], { concurrency: 1 });
    assert.equal(error?.code, 'PCRS_GATEWAY');
    assert.deepEqual([counts.failed, counts.fetched, requests], [3, 0, 3 * 4]);
    assert.equal(counts.notAsked, counts.planned - 3);
  });

  for (const [fault, code] of [
    ['status=403', 'PCRS_REFUSED'],
    ['status=400', 'PCRS_GATEWAY'],
    ['status=404', 'PCRS_GATEWAY'],
    ['redirect=http://127.0.0.1:9/', 'PCRS_GATEWAY'],
  ]) {
    it(`stops at once at ${fault}: the next request would get the same`, async () => {
      const { lines, error, requests } = await withFaults([`posture:2-:${fault}`], { concurrency: 1 });
      assert.equal(error?.code, code);
      assert.equal(requests, 2);
      assert.ok(lines.length > 0);
    });
  }

  it('asks once more after an answer that holds nothing that was asked for, and writes the right one', async () => {
    for (const concurrency of [1, 4]) {
      const { lines, error, counts, requests } = await withFaults(['posture:2:foreign=only'], {
        concurrency,
      });
      assert.equal(error, undefined);
      assert.deepEqual(sorted(lines), sorted(truth));
      assert.deepEqual([counts.foreign, requests], [0, counts.planned + 1]);
    }
  });

  it('stops at the second such answer, names a cache or proxy, and never halves the slice', async () => {
    for (const fault of ['posture:2-3:foreign=only', 'posture:*:cached']) {
      const { lines, error, counts, requests } = await withFaults([fault], { concurrency: 1 });
      assert.equal(error?.code, 'PCRS_GATEWAY');
      assert.match(
        error?.message ?? '',
        /^policy \d+.*, \d+ hosts from \d+: no record of the response was asked for \(the first: policy \d+, host \d+\); is there a cache or proxy/,
      );
      assert.deepEqual([counts.fetched, counts.failed, requests], [1, 0, 3]);
      assert.ok(counts.notAsked > 0);
      assert.deepEqual(lines, truth.slice(0, lines.length));
    }
  });

  it('keeps foreign records next to those that were asked for, warns about the first and counts all', async () => {
    const { lines, error, counts, warnings } = await withFaults(['posture:*:foreign'], { concurrency: 1 });
    assert.equal(error, undefined);
    assert.deepEqual([...new Set(lines)].sort(), sorted(truth));
    assert.ok(counts.foreign > 0);
    assert.equal(lines.length, truth.length + counts.foreign);
    assert.deepEqual(
      warnings.map((warning) => warning.replace(/\d+/g, 'N')),
      [
        'policy N and N more, N hosts from N: got N records not asked for, the first of policy N, host N; they are kept',
        'N slices returned N records in total that were not asked for',
      ],
    );
    const strict = await withFaults(['posture:*:foreign'], { concurrency: 1, strict: true });
    assert.equal(strict.error?.code, 'PCRS_GATEWAY');
    assert.match(strict.error?.message ?? '', /records? not asked for.*\(--strict\)$/);
  });

  it('accepts one body for two slices only if it holds nothing foreign to either', async () => {
    const [policy] = input().filter(({ hostIds }) => hostIds.length > 3) as [PolicyHosts];
    const [a, b, c] = policy.hostIds as [string, string, string];
    const asking = (...hostIds: string[]): PolicyHosts => ({ ...policy, hostIds });
    simulator.faults.add('posture:*:cached');
    const options = { policiesPerRequest: 1, concurrency: 1 };
    // the first answer holds what the second asks for, and more
    const more = await fetched(options, [asking(a, b), asking(b, c)]);
    const same = await fetched(options, [asking(a, b), { ...asking(b, a), subscriptionId: undefined }]);
    simulator.faults.clear();
    assert.equal(more.error?.code, 'PCRS_GATEWAY');
    assert.match(
      more.error?.message ?? '',
      /the response belongs to another slice \(\d+ of its \d+ records? not/,
    );
    assert.equal(same.error, undefined);
  });

  it('reports for how many hosts nothing came without a date to explain it, and for how many not one byte', async () => {
    const hosts = new Set(pairs.map(({ hostId }) => hostId)).size;
    for (const form of ['array', '204']) {
      const { lines, error, warnings } = await withFaults([`posture:*:empty=${form}`]);
      assert.deepEqual([lines.length, error], [0, undefined]);
      assert.deepEqual(warnings, [
        `no posture records for ${hosts} hosts, although no date filter is set; may this user see them?`,
      ]);
    }
    const one = pairs[0]!.hostId;
    const silent = await withFaults([`posture:*:empty=empty@host=${one}`], { hostsPerRequest: 1 });
    assert.equal(silent.warnings.length, 1);
    assert.match(silent.warnings[0]!, /got status 200 without a single byte \(1 host\), read as no data$/);
    const dated = await withFaults(['posture:*:empty=empty'], { evaluatedSince: '2020-01-01' });
    assert.deepEqual(dated.warnings, []);
    const strict = await withFaults(['posture:*:empty=array'], { strict: true });
    assert.equal(strict.error?.code, 'PCRS_GATEWAY');
  });

  it('asks for and writes what came before a failure of its input, then fails with it', async () => {
    for (const concurrency of [1, 4]) {
      async function* cutShort() {
        yield* input().slice(0, 3);
        throw new Error('line 4 is bad');
      }
      const found: string[] = [];
      const slices = postureSlices(gateway, cutShort(), { tagged: false, concurrency });
      await assert.rejects(async () => {
        for await (const slice of slices) {
          for await (const { bytes } of slice.blocks())
            found.push(...Buffer.from(bytes).toString().split('\n').slice(0, -1));
        }
      }, /line 4 is bad/);
      const policies = input()
        .slice(0, 3)
        .map(({ policyId }) => policyId);
      assert.deepEqual(sorted(found), sorted(world.posture({ policies })));
    }
  });

  it('asks nothing more once its reader has left', async () => {
    const before = simulator.requestCount;
    for await (const slice of postureSlices(gateway, input(), { hostsPerRequest: 5, concurrency: 1 })) {
      assert.ok(slice.proof.records > 0);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.ok(simulator.requestCount - before <= 3);
  });

  it('keeps at most one slice more than requests in flight waiting to be written', async () => {
    const before = simulator.requestCount;
    const slices = postureSlices(gateway, input(), { hostsPerRequest: 5, concurrency: 2 });
    const reader = slices[Symbol.asyncIterator]();
    await reader.next();
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.equal(simulator.requestCount - before, 3);
    await reader.return?.();
  });
});
