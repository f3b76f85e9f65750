import { gatewayOptions } from 'pcrs-cli/gateway-flags';
import { type Run, runStage } from 'pcrs-cli/stage';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { type Gateway, openGateway } from 'pcrs-gateway/gateway';
import { flags, type PostureFlags } from './flags.ts';
import { expectedInput } from './host-ids.ts';
import {
  type PostureOptions,
  type PostureSlices,
  type ProvenSlice,
  posturePlan,
  postureSlices,
} from './index.ts';
import { PostureInput } from './input.ts';
import { postureOptions } from './options.ts';
import type { PolicyHosts } from './slices.ts';

export const tool = defineTool({
  name: 'pcrs-posture',
  summary: 'streams the posture records of policies and hosts, each slice proven whole before it is written.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence | pcrs-to-sqlite posture.db',
    'pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-csv > posture.csv',
    'pcrs-policies | pcrs-hostids | pcrs-posture --plan',
  ],
  stdin: 'required',
  live: 'unless stdout is piped',
  flags,
  notes: [
    'Reads hostids records, tagged or as the gateway sends them, one a line or whole arrays.',
    'DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.',
  ],
  async main(context) {
    const input = new PostureInput();
    const asked: Asked = {};
    await runStage(context, {
      takes: ['hostids'],
      expected: expectedInput,
      accept: (value, kind, where) => input.accept(value, kind, where),
      skipBad: context.flags.skipBad,
      tally: () => tallyOf(asked),
      async work(run) {
        const options = postureOptions(context, run);
        input.watch(run, options.apiVersion, (message) => context.log.warn(message));
        if (context.flags.plan) {
          await run.emit(
            'plan',
            `${JSON.stringify(await posturePlan(run.input, context.flags.rate, options))}\n`,
          );
        } else {
          await fetchAndWrite(context, run, options, asked);
        }
        input.checkForForgottenStage();
      },
    });
  },
});

/** What the run's `end` tells of. */
interface Asked {
  gateway?: Gateway;
  slices?: PostureSlices;
}

function tallyOf({ gateway, slices }: Asked) {
  const { requests, retries, bytes } = gateway?.tally ?? { requests: 0, retries: 0, bytes: 0 };
  return { requests, retries, bytes, ...(slices ? { slices: slices.counts } : {}) };
}

async function fetchAndWrite(
  context: Context<PostureFlags>,
  run: Run<PolicyHosts>,
  options: PostureOptions,
  asked: Asked,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const gateway = await openGateway({ ...gatewayOptions(context), signal }, run.session);
  asked.gateway = gateway;
  asked.slices = postureSlices(gateway, run.input, options);
  let [hosts, records] = [0, 0];
  try {
    for await (const slice of asked.slices) {
      await write(run, slice);
      hosts += slice.slice.hosts;
      records += slice.proof.records;
      context.progress.update({
        hosts,
        records,
        requests: gateway.tally.requests,
        bytes: gateway.tally.bytes,
      });
    }
  } finally {
    stop.abort(new Error('the stage has ended'));
    await gateway.close();
  }
}

/** A slice's records, and in a run what it was. */
async function write(run: Run<PolicyHosts>, { slice, proof, file, blocks }: ProvenSlice): Promise<void> {
  for await (const { bytes, count } of blocks()) await run.emit('posture', bytes, count);
  if (run.session === undefined) return;
  const { number, key, policies, hosts } = slice;
  const { records, bytes, sha256 } = proof;
  const policyIds = policies.map(({ policyId }) => policyId);
  const record = { kind: 'slice', number, key, policies: policyIds, hosts, records, bytes, sha256, file };
  await run.emit('slice', `${JSON.stringify(record)}\n`);
}
