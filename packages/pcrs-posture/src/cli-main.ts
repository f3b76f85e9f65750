import { createReadStream } from 'node:fs';
import { gatewayOptions } from 'pcrs-cli/gateway-flags';
import { type Run, runStage } from 'pcrs-cli/stage';
import type { Archive } from 'pcrs-gateway/archive';
import { type Gateway, openGateway } from 'pcrs-gateway/gateway';
import type { Slice as SliceRecord } from 'pcrs-records/kinds';
import { type ArchiveMode, archivedOptions, checkSame, openRunArchive } from './archive-run.ts';
import { archiveStore, earlierCuts } from './archive-store.ts';
import type { PostureContext } from './cli-flags.ts';
import { expectedInput, pairsIn } from './host-ids.ts';
import { type PostureSlices, type ProvenSlice, posturePlan, postureSlices } from './index.ts';
import { PostureInput } from './input.ts';
import { type RunOptions, runOptions } from './options.ts';
import { toQuestion } from './query.ts';
import type { PolicyHosts, Slice } from './slices.ts';

/** Runs the stage: from the archive or stdin, over slices, to stdout. */
export async function runPosture(context: PostureContext): Promise<void> {
  const { flags, startedAt, signal, env, log } = context;
  const { groupReadable } = flags;
  const opening = { signal, env, groupReadable, info: (message: string) => log.info(message) };
  const kept = flags.plan ? undefined : await openRunArchive(flags, startedAt, opening);
  const input = new PostureInput();
  const asked: Asked = { input };
  try {
    await runStage(withStdin(context, kept), {
      takes: ['hostids'],
      expected: expectedInput,
      accept: (value, kind, where) => input.accept(value, kind, where),
      skipBad: context.flags.skipBad || kept?.archive.manifest?.header.options['skip-bad'] === true,
      tally: () => tallyOf(asked),
      async work(run) {
        const options = runOptions(context.flags, circumstances(context, run, kept));
        watch(input, run, options);
        if (context.flags.plan) await writePlan(context, run, options);
        else if (kept?.mode === 'replay')
          await write(context, run, replayed(kept.archive, run, options, asked), asked);
        else await fetchAndWrite(context, run, options, kept, asked);
        input.checkForForgottenStage();
      },
    });
  } finally {
    if (kept !== undefined) await closeArchive(context, kept.archive);
  }
}

type Kept = { archive: Archive; mode: ArchiveMode } | undefined;

/** Counts for progress and the run's `end`. */
interface Asked {
  input: PostureInput;
  gateway?: Gateway;
  slices?: PostureSlices;
  /** Policy–host pairs of an archived input, known long before the input is used up. */
  hostsKept?: number;
}

function tallyOf({ gateway, slices }: Asked) {
  const { requests, retries, bytes } = gateway?.tally ?? { requests: 0, retries: 0, bytes: 0 };
  return { requests, retries, bytes, ...(slices ? { slices: slices.counts } : {}) };
}

/** Stores stdin in a new archive; an old archive replaces stdin. */
function withStdin(context: PostureContext, kept: Kept): PostureContext {
  if (kept === undefined) return context;
  const { archive, mode } = kept;
  const { input } = context.flags;
  if (mode !== 'new' && input === undefined) return { ...context, stdin: archive.keptInput() };
  const source = input === undefined || input === '-' ? context.stdin : createReadStream(input);
  return { ...context, stdin: archive.keepInput(source) };
}

/**
 * Closes the archive once the input is stored whole, so that the run can be resumed; only a signal cuts this short.
 */
async function closeArchive({ signal, log }: PostureContext, archive: Archive): Promise<void> {
  const tell = (): void =>
    log.info('reading the rest of the input, which --resume will need; Ctrl-C stops at once');
  const timer = setTimeout(tell, 3000);
  try {
    if (!signal.aborted) await archive.inputKept();
  } finally {
    clearTimeout(timer);
    await archive.close();
  }
}

function circumstances(context: PostureContext, run: Run<PolicyHosts>, archive: Kept) {
  const { origins, startedAt: now, log } = context;
  const warn = (message: string): void => log.warn(message);
  return { origins, inRun: run.session !== undefined, startedAt: run.startedAt, now, archive, warn };
}

function watch(input: PostureInput, run: Run<PolicyHosts>, { apiVersion, warn }: RunOptions): void {
  if (run.session !== undefined) input.inRun();
  run.onForward = (record) => {
    const warning = input.passing(record, apiVersion);
    if (warning !== undefined) warn?.(warning);
  };
}

async function writePlan(context: PostureContext, run: Run<PolicyHosts>, options: RunOptions): Promise<void> {
  const plan = await posturePlan(run.input, context.flags.rate, options);
  await run.emit('plan', `${JSON.stringify(plan)}\n`);
}

function replayed(archive: Archive, run: Run<PolicyHosts>, options: RunOptions, asked: Asked): PostureSlices {
  const store = archiveStore(archive, toQuestion(options), true);
  asked.slices = postureSlices(undefined, asked.input.counted(run.input), {
    ...options,
    store,
    cuts: earlierCuts(archive),
    concurrency: 1,
  });
  return asked.slices;
}

async function fetchAndWrite(
  context: PostureContext,
  run: Run<PolicyHosts>,
  options: RunOptions,
  kept: Kept,
  asked: Asked,
): Promise<void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([context.signal, stop.signal]);
  const gateway = await openGateway({ ...gatewayOptions(context), signal }, run.session);
  asked.gateway = gateway;
  context.progress.watch(() => gateway.tally);
  try {
    if (kept !== undefined) await begin(context, run, options, kept, gateway);
    if (kept !== undefined && context.progress.shown) void countKept(kept.archive, asked);
    asked.slices = postureSlices(gateway, asked.input.counted(run.input), {
      ...options,
      ...archiveOptions(options, kept),
    });
    await write(context, run, asked.slices, asked);
    await kept?.archive.note(
      { kind: 'finished', at: new Date().toISOString(), slices: asked.slices.counts },
      true,
    );
  } finally {
    stop.abort(new Error('the stage has ended'));
    await gateway.close();
  }
}

async function begin(
  context: PostureContext,
  run: Run<PolicyHosts>,
  options: RunOptions,
  { archive, mode }: NonNullable<Kept>,
  gateway: Gateway,
): Promise<void> {
  if (mode === 'resume') checkSame(archive, gateway, run.session?.runId ?? null);
  await archive.begin({
    ...{ stage: context.tool, version: context.version, runId: run.session?.runId ?? null },
    ...{ gateway: gateway.url, username: gateway.username ?? null, startedAt: run.startedAt.toISOString() },
    options: archivedOptions(options),
  });
}

/** Counts the pairs as soon as the archive has the whole input; for the time left. */
async function countKept(archive: Archive, asked: Asked): Promise<void> {
  try {
    await archive.inputKept();
    asked.hostsKept = await pairsIn(archive.keptInput());
  } catch {
    // The input's reader reports its errors.
  }
}

function archiveOptions(options: RunOptions, kept: Kept) {
  if (kept === undefined) return {};
  const { archive } = kept;
  const cuts = earlierCuts(archive);
  return {
    store: archiveStore(archive, toQuestion(options), false),
    cuts,
    onCut: ({ number, hosts, waited }: Slice) =>
      number > cuts.length ? archive.note({ kind: 'cut', number, hosts, waited }) : undefined,
  };
}

async function write(
  context: PostureContext,
  run: Run<PolicyHosts>,
  slices: PostureSlices,
  asked: Asked,
): Promise<void> {
  let [hosts, records] = [0, 0];
  const policies = new Set<string>();
  for await (const slice of slices) {
    await writeSlice(run, slice);
    hosts += slice.slice.hosts;
    records += slice.proof.records;
    for (const { policyId } of slice.slice.policies) policies.add(policyId);
    const hostsTotal = asked.input.hosts ?? asked.hostsKept ?? 0;
    context.progress.update({ policies: policies.size, hosts, hostsTotal, records });
  }
}

/** Writes a slice's records, and in a run its slice record. */
async function writeSlice(run: Run<PolicyHosts>, { slice, proof, file, blocks }: ProvenSlice): Promise<void> {
  for await (const { bytes } of blocks()) await run.emit('posture', bytes);
  if (run.session === undefined) return;
  const { number, key, policies, hosts } = slice;
  const { records, bytes, sha256 } = proof;
  const policyIds = policies.map(({ policyId }) => policyId);
  const record: SliceRecord = {
    kind: 'slice',
    number,
    key,
    policies: policyIds,
    hosts,
    records,
    bytes,
    sha256,
    file,
  };
  await run.emit('slice', `${JSON.stringify(record)}\n`);
}
