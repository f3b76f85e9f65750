import { createWriteStream, readFileSync } from 'node:fs';
import { flag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import { type Form, formNames } from './form-names.ts';
import { helpNotes } from './help-notes.ts';
import type { SimulatorOptions } from './index.ts';
import type { RateLimit } from './rate-window.ts';
import { parseEvent } from './world-events.ts';

const world = { group: 'The world' } as const;
const truth = { group: 'The truth, without serving' } as const;
const limits = { group: 'Limits and tokens' } as const;
const trouble = { group: 'Trouble' } as const;

const flags = {
  port: flag.integer({ describe: 'port to listen on; 0: any free one', min: 0, max: 65_535, default: 0 }),
  host: flag.text({ describe: 'address to listen on', value: 'ADDRESS', default: '127.0.0.1' }),
  'tls-key': flag.text({ describe: 'serve https with this key (PEM)', value: 'FILE' }),
  'tls-cert': flag.text({ describe: 'and this certificate (PEM)', value: 'FILE' }),
  username: flag.text({ describe: 'the only user who may log in (default: any)', value: 'NAME' }),
  'password-file': flag.text({ describe: 'the only password (default: any but "wrong")', value: 'FILE' }),
  'request-log': flag.text({
    describe: 'append each request, as a line of JSON, without tokens',
    value: 'FILE',
  }),
  seed: flag.integer({
    describe: 'seed of the data; the same seed gives the same bytes',
    min: 0,
    max: 2 ** 31 - 1,
    default: 1,
    ...world,
  }),
  policies: flag.integer({
    describe: 'number of policies, some inactive, some without hosts',
    min: 0,
    max: 100_000,
    default: 12,
    ...world,
  }),
  hosts: flag.integer({
    describe: 'number of hosts in the subscription',
    min: 1,
    max: 5_000_000,
    default: 60,
    ...world,
  }),
  controls: flag.integer({
    describe: 'number of controls in each policy',
    min: 1,
    max: 1000,
    default: 30,
    ...world,
  }),
  'hosts-per-policy': flag.integer({
    describe: 'exactly N hosts in each policy, if that many match it',
    min: 1,
    max: 5_000_000,
    ...world,
  }),
  day: flag.integer({
    describe: 'days since then: statuses change, hosts come and go',
    min: 0,
    max: 3650,
    default: 0,
    ...world,
  }),
  start: flag.text({
    describe: 'the date on which the world begins',
    value: 'DATE',
    default: '2026-11-22',
    ...world,
  }),
  event: flag.list({
    describe: 'an event on some day, see below; may be repeated',
    value: 'EVENT,…',
    item: parseEvent,
    ...world,
  }),
  'rate-limit': flag.text({
    describe: 'N requests in S seconds for each user and endpoint, or off',
    value: 'N/S',
    default: '25/60',
    parse: parseRate,
    ...limits,
  }),
  'rate-limit-status': flag.choice(['429', '409'], {
    describe: 'status of a request over the limit',
    default: '429',
    ...limits,
  }),
  'no-rate-headers': flag.boolean({ describe: 'no X-RateLimit headers', ...limits }),
  'concurrency-limit': flag.integer({
    describe: 'concurrent requests per user; one more gets 409',
    min: 1,
    max: 1000,
    ...limits,
  }),
  reader: flag.boolean({
    describe: 'the account is a Reader: asking for the host ids of all policies gets 403',
    ...limits,
  }),
  'expire-token-after': flag.integer({
    describe: 'lifetime of a token in seconds',
    value: 'SECONDS',
    min: 1,
    max: 31_536_000,
    default: 14_400,
    ...limits,
  }),
  'token-without-exp': flag.boolean({ describe: 'omit the expiry time from tokens', ...limits }),
  fault: flag.list({ describe: 'inject a fault, see below; may be repeated', value: 'FAULT', ...trouble }),
  form: flag.list({
    describe: 'send responses in another form, see below',
    value: 'NAME,…',
    item: parseForm,
    ...trouble,
  }),
  'empty-as': flag.choice(['array', '204', 'empty', 'broken'], {
    describe: 'how postureInfo answers if there are no records',
    default: 'array',
    ...trouble,
  }),
  'truncate-after-bytes': flag.integer({
    describe: 'cut each postureInfo body after N bytes',
    min: 0,
    max: 2 ** 40,
    ...trouble,
  }),
  'content-encoding': flag.choice(['none', 'gzip', 'double', 'false'], {
    describe: 'no gzip, gzip, gzip twice, or a plain body declared as gzip',
    default: 'none',
    ...trouble,
  }),
  'chunk-bytes': flag.integer({
    describe: 'write bodies in chunks of N bytes',
    min: 1,
    max: 2 ** 30,
    ...trouble,
  }),
  'tag-wrapper': flag.choice(['tagInfo', 'requireTagInfo', 'flat'], {
    describe: 'place of the tags in the policy list',
    default: 'tagInfo',
    ...trouble,
  }),
  'gzip-level': flag.integer({ describe: '0 to 9', min: 0, max: 9, default: 1, ...trouble }),
  print: flag.choice(['policies', 'hostids', 'posture'], {
    describe: 'print the records that a client should receive',
    env: 'none',
    ...truth,
  }),
  status: flag.choice(['active', 'inactive', 'all'], {
    describe: 'only policies with this status',
    default: 'active',
    ...truth,
  }),
  evidence: flag.boolean({ describe: 'include evidence', ...truth }),
  'extended-evidence': flag.boolean({ describe: 'include extended evidence', ...truth }),
  qds: flag.boolean({ describe: 'include the detection score', ...truth }),
  'tag-info': flag.boolean({ describe: 'include the tags of policies', ...truth }),
  'api-version': flag.text({
    describe: 'records as in this version of the API',
    value: 'N.N',
    default: '5.0',
    parse: parseVersion,
    ...truth,
  }),
  untagged: flag.boolean({ describe: 'omit kind, as the gateway does', ...truth }),
} as const;

function parseRate(text: string): RateLimit | 'off' {
  if (text === 'off') return 'off';
  const match = /^([1-9]\d{0,6})\/([1-9]\d{0,6}(?:\.\d+)?)$/.exec(text);
  if (match === null) throw new Error('must be like 25/60, or off');
  return { requests: Number(match[1]), seconds: Number(match[2]) };
}

function parseForm(text: string): Form {
  if ((formNames as readonly string[]).includes(text)) return text as Form;
  throw new Error(`must be one of ${formNames.join(' ')}`);
}

function parseVersion(text: string): string {
  if (!/^[1-5]\.0$/.test(text)) throw new Error('must be 1.0 to 5.0');
  return text;
}

/** The tool; `bin` starts it. */
export const tool = defineTool({
  name: 'pcrs-simulator',
  summary: 'runs a gateway on this machine that misbehaves on demand.',
  pipes: [
    'pcrs-simulator --port 8080 &',
    'export PCRS_GATEWAY=http://127.0.0.1:8080; export PCRS_USERNAME=demo PCRS_PASSWORD=demo; pcrs-policies -n',
    "pcrs-simulator --rate-limit off --fault 'posture:2:cut=5000'",
    'pcrs-simulator --print posture --evidence | jq -r .status | sort | uniq -c',
  ],
  stdin: 'none',
  flags,
  notes: helpNotes,
  async main(context) {
    const options = simulatorOptions(context);
    const { print, apiVersion } = context.flags;
    if (print === undefined) return serve(context, options);
    const { truthLines } = await import('./print-truth.ts');
    for (const line of truthLines(options, { ...context.flags, print, version: Number(apiVersion) })) {
      context.signal.throwIfAborted();
      await context.output.write(line);
    }
  },
});

async function serve(context: Context<typeof flags>, options: SimulatorOptions): Promise<void> {
  const log = openRequestLog(context);
  const { startSimulator } = await import('./index.ts');
  const simulator = await startSimulator({
    ...options,
    ...(log === undefined ? {} : { onRequest: log.write }),
  });
  try {
    await context.output.record({ kind: 'listening', gateway: simulator.gateway, pid: context.pid });
    tellHowToUse(context, simulator.gateway);
    await aborted(context.signal);
  } finally {
    await simulator.close();
    await log?.close();
  }
  throw context.signal.reason;
}

function tellHowToUse(context: Context<typeof flags>, gateway: string): void {
  if (!context.stderrIsTerminal) return;
  const { username, passwordFile } = context.flags;
  const password = passwordFile === undefined ? ' PCRS_PASSWORD=demo' : '';
  context.log.info(
    `to use it: export PCRS_GATEWAY=${gateway} PCRS_USERNAME=${username ?? 'demo'}${password}`,
  );
}

function simulatorOptions({ flags: values }: Context<typeof flags>): SimulatorOptions {
  const { tlsKey, tlsCert, passwordFile } = values;
  if ((tlsKey === undefined) !== (tlsCert === undefined)) {
    throw codedError('PCRS_USAGE', '--tls-key and --tls-cert need each other; give both');
  }
  const tls = tlsKey && tlsCert && { key: readText('tls-key', tlsKey), cert: readText('tls-cert', tlsCert) };
  return {
    ...values,
    password: passwordFile && readText('password-file', passwordFile).replace(/\r?\n$/, ''),
    tls: tls || undefined,
    expireTokenAfterSeconds: values.expireTokenAfter,
    rateLimitStatus: values.rateLimitStatus === '409' ? 409 : 429,
    rateHeaders: !values.noRateHeaders,
    forms: values.form,
    faults: values.fault,
    events: values.event,
    requestsKept: 0,
  };
}

function readText(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw codedError('PCRS_USAGE', `--${name} ${file}: ${(error as Error).message}`);
  }
}

/** Logs one line per finished request: what was asked and how it went, without headers, which hold tokens. */
function openRequestLog(context: Context<typeof flags>) {
  const file = context.flags.requestLog;
  if (file === undefined) return undefined;
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  stream.on('error', (error) => context.log.warn(`${file}: ${error.message}`));
  return {
    write: (entry: object) => void stream.write(`${JSON.stringify({ ...entry, headers: undefined })}\n`),
    close: () => new Promise<void>((resolve) => stream.end(() => resolve())),
  };
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
