import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { requestKey } from 'pcrs-gateway/request-key';
import { scopeOf, toQuestion } from './query.ts';
import { halves, type PolicyHosts, type Slice, SliceCutter, type SliceLimits, slices } from './slices.ts';

const limits: SliceLimits = { hostsPerRequest: 1000, policiesPerRequest: 10 };
const scope = '/pcrs/5.0/posture/postureInfo?evidenceRequired=0';

const policy = (id: number, hosts: number): PolicyHosts => ({
  policyId: String(id),
  subscriptionId: '1',
  hostIds: Array.from({ length: hosts }, (_, host) => String(id * 1_000_000 + host)),
});

function cut(policies: PolicyHosts[], cutter = new SliceCutter(limits, scope)): Slice[] {
  return [...policies.flatMap((one) => [...cutter.push(one)]), ...cutter.flush()];
}

const pairs = (list: readonly { policies: readonly PolicyHosts[] }[]): string[] =>
  list.flatMap((slice) =>
    slice.policies.flatMap((one) => one.hostIds.map((host) => `${one.policyId}/${host}`)),
  );

const input = fc
  .array(fc.integer({ min: 0, max: 60 }), { maxLength: 12 })
  .map((sizes) => sizes.map((size, id) => policy(id + 1, size)));
const anyLimits = fc.record({
  hostsPerRequest: fc.integer({ min: 1, max: 50 }),
  policiesPerRequest: fc.integer({ min: 1, max: 10 }),
});

describe('slices', () => {
  it('have the key by which an archive knows their request', () => {
    const question = toQuestion({ evidence: true, evaluatedSince: '2026-11-01T00:00:00Z' });
    const [slice] = cut([policy(7, 3)], new SliceCutter(limits, scopeOf(question)));
    const { path, parameters: query } = question;
    assert.equal(slice!.key, requestKey({ path, query, body: slice!.body }));
  });

  it('hold each host of each policy once, in order, within the limits', () => {
    fc.assert(
      fc.property(input, anyLimits, (policies, some) => {
        const list = cut(policies, new SliceCutter(some, scope));
        assert.deepEqual(pairs(list), pairs([{ policies }]));
        for (const [index, slice] of list.entries()) {
          assert.equal(slice.number, index + 1);
          assert.equal(slice.hosts, pairs([slice]).length);
          assert.ok(
            slice.hosts > 0 &&
              slice.hosts <= (index === 0 ? Math.min(20, some.hostsPerRequest) : some.hostsPerRequest),
          );
          assert.ok(slice.policies.length <= some.policiesPerRequest);
        }
      }),
    );
  });

  it('pack small policies together and split big ones', () => {
    const list = cut([policy(1, 5), policy(2, 30), policy(3, 2100)]);
    assert.deepEqual(
      list.map((slice) => slice.policies.map((one) => [one.policyId, one.hostIds.length])),
      [
        [
          ['1', 5],
          ['2', 15],
        ],
        [
          ['2', 15],
          ['3', 985],
        ],
        [['3', 1000]],
        [['3', 115]],
      ],
    );
  });

  it('take a tenth of the requests of one policy each', () => {
    assert.equal(cut(Array.from({ length: 850 }, (_, id) => policy(id, 100))).length, 86);
  });

  it('are asked for with a body of policyId, subscriptionId and hostIds only', () => {
    const bare: PolicyHosts = { policyId: '7', subscriptionId: undefined, hostIds: ['18446744073709551615'] };
    assert.equal(
      cut([policy(1, 2), bare])[0]?.body,
      '[{"policyId":"1","subscriptionId":"1","hostIds":["1000000","1000001"]},{"policyId":"7","hostIds":["18446744073709551615"]}]',
    );
  });

  it('have a key that depends on the request alone', () => {
    const [a] = cut([policy(1, 5)]);
    assert.equal(a?.key, cut([policy(1, 5)])[0]?.key);
    assert.notEqual(a?.key, cut([policy(1, 6)])[0]?.key);
    assert.notEqual(
      a?.key,
      cut([policy(1, 5)], new SliceCutter(limits, `${scope}&lastScanDate=2026-01-01`))[0]?.key,
    );
  });

  it('are cut as an earlier run cut them', () => {
    fc.assert(
      fc.property(input, anyLimits, fc.nat(5), (policies, some, kept) => {
        const earlier = cut(policies, new SliceCutter(some, scope));
        const cuts = earlier.slice(0, kept);
        const again = cut(
          policies,
          new SliceCutter({ hostsPerRequest: 7, policiesPerRequest: 2 }, scope, cuts),
        );
        assert.deepEqual(again.slice(0, kept), earlier.slice(0, kept));
        assert.deepEqual(pairs(again), pairs(earlier));
      }),
    );
  });

  it('halve down to one policy–host pair', () => {
    fc.assert(
      fc.property(input, (policies) => {
        for (const slice of cut(policies)) {
          const parts = halves(slice, scope);
          assert.equal(parts.length, slice.hosts === 1 ? 0 : 2);
          if (parts.length === 0) continue;
          assert.deepEqual(pairs(parts), pairs([slice]));
          assert.ok(Math.abs(parts[0]!.hosts - parts[1]!.hosts) <= 1);
          assert.equal(new Set([slice.key, ...parts.map((part) => part.key)]).size, 3);
        }
      }),
      { numRuns: 50 },
    );
  });

  it('come as soon as they are full, and go out partly filled when the input pauses', async () => {
    const gate = Promise.withResolvers<void>();
    async function* pausing(): AsyncGenerator<PolicyHosts> {
      yield policy(1, 25);
      await gate.promise;
      yield policy(2, 1);
    }
    const seen: number[] = [];
    for await (const slice of slices(pausing(), new SliceCutter(limits, scope), 5)) {
      seen.push(slice.hosts);
      if (seen.length === 2) gate.resolve();
    }
    assert.deepEqual(seen, [20, 5, 1]);
  });

  it('close the input when nobody wants more', async () => {
    let closed = false;
    async function* endless(): AsyncGenerator<PolicyHosts> {
      try {
        for (;;) yield policy(1, 30);
      } finally {
        closed = true;
      }
    }
    for await (const _ of slices(endless(), new SliceCutter(limits, scope), 1000)) break;
    assert.ok(closed);
  });
});
