import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { simulatorAndGateway } from '../../../test/support/open-gateway.ts';
import { type PolicyHosts, type PostureOptions, posture, postureSlices } from './index.ts';

const { simulator, gateway } = await simulatorAndGateway({ seed: 5, policies: 6, hosts: 30, controls: 8 });
const { world } = simulator;

const input = (): PolicyHosts[] =>
  world.policyIds().map((policyId) => ({
    policyId,
    subscriptionId: world.subscriptionId,
    hostIds: world.hostIds(policyId),
  }));

async function lines(options: PostureOptions = {}, policies = input()): Promise<string[]> {
  const texts: string[] = [];
  for await (const slice of postureSlices(gateway, policies, options)) {
    for await (const { bytes } of slice.blocks())
      texts.push(...Buffer.from(bytes).toString().split('\n').slice(0, -1));
  }
  return texts;
}

const tagged = (texts: Iterable<string>): string[] =>
  Array.from(texts, (text) => `{"kind":"posture",${text.slice(1)}`);

describe('posture', () => {
  it('is the gateway own records with kind in front', async () => {
    const truth = tagged(world.posture({ policies: world.policyIds(), evidence: true } as never));
    const found = await lines({ evidence: true, concurrency: 1 });
    assert.equal(found.length, truth.length);
    assert.deepEqual(found, truth);
  });
});
