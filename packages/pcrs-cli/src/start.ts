import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { codedError, codeOf } from 'pcrs-records/errors';
import { chosenTool, printCandidates } from './chosen-tool.ts';
import { commonFlags } from './common-flags.ts';
import { completeArgument, completionScript } from './completion.ts';
import { exitStatus, messageOf } from './exit-status.ts';
import type { FlagValues } from './flags.ts';
import { type Log, openLog } from './log.ts';
import { openOutput } from './output.ts';
import { painter } from './paint.ts';
import { eraseLine, openProgress, type Progress } from './progress.ts';
import { type ReadFlags, readFlags } from './read-flags.ts';
import { closeStdin, readLentStdin, readStdin, stdinStat, whatStdinIs } from './stdin.ts';
import { stopWithParent } from './stop-with-parent.ts';
import { terminalOutput } from './terminal-output.ts';
import type { AnyTool, Context, Tool } from './tool.ts';
import { verifyTls } from './verify-tls.ts';
import { wasTold } from './was-told.ts';

type CommonValues = FlagValues<typeof commonFlags>;

/** A stopped tool ends within this time, whatever it waits for. */
const graceMs = 1900;
/** A second signal ends the process at once, except within this time: a terminal and a parent may both send one. */
const secondSignalMs = 1000;

/**
 * Runs a tool on this process: flags, streams, signals, exit status. Only bins call it.
 *
 * Takes  load  imports the tool's `cli.ts`
 */
export async function start(load: () => Promise<{ tool: AnyTool | Tool<never> }>): Promise<void> {
  keepHeapSmall();
  const { tool, argv } = await chosenTool((await load()).tool as AnyTool, process.argv.slice(2));
  process.stderr.on('error', () => {});
  process.exitCode =
    argv[0] === completeArgument
      ? await printCandidates(
          tool,
          argv.slice(1),
          openOutput(process.stdout, () => {}),
          process.env,
        )
      : await run(tool, argv);
  closeStdin();
}

/**
 * Keeps V8's young generation small: streamed objects die young. It would grow to 48 MiB and promote from
 * there; measured on 100,000 records into SQLite: peak 144 MB without this, 110 MB with it, and no slower.
 */
function keepHeapSmall(): void {
  setFlagsFromString('--max-semi-space-size=4');
  setFlagsFromString('--semi-space-growth-factor=1');
}

async function run(tool: AnyTool, argv: readonly string[]): Promise<number> {
  let read: ReadFlags;
  try {
    const maxPositionals = tool.positionals?.at(-1)?.many ? Infinity : (tool.positionals?.length ?? 0);
    read = readFlags(tool.name, { ...tool.flags, ...commonFlags }, maxPositionals, argv, process.env);
  } catch (error) {
    const log = openLog({
      tool: tool.name,
      quiet: false,
      verbose: false,
      format: earlyFormat(argv),
      terminal: false,
      write: writeStderr,
      paint: painter(process.stderr),
    });
    log.error(messageOf(error));
    if (tool.opensRun) await printFailedEnd(tool, error, log);
    return exitStatus(error);
  }
  const values = read.values as unknown as CommonValues;
  if (values.help || values.version || values.completion) return printAndEnd(tool, values);

  const stdinIs = await whatStdinIs();
  const needsStdin = tool.stdin === 'required' && (tool.needsStdin?.(read.values as never) ?? true);
  if (stdinIs === 'terminal' && needsStdin) {
    writeStderr(`${tool.name}: stdin is a terminal, but records are expected; see ${tool.name} --help\n`);
    return 2;
  }
  return runMain(tool, read, values, stdinIs);
}

async function runMain(
  tool: AnyTool,
  read: ReadFlags,
  values: CommonValues,
  stdinIs: Context['stdinIs'],
): Promise<number> {
  const stop = new AbortController();
  const stderrIsTerminal = process.stderr.isTTY === true;
  const progress = openProgress({
    tool: tool.name,
    mode: progressMode(tool, values, stdinIs),
    columns: () => process.stderr.columns ?? 80,
    write: writeStderr,
  });
  const log = openLog({
    tool: tool.name,
    quiet: values.quiet,
    verbose: values.verbose,
    format: values.logFormat,
    terminal: stderrIsTerminal,
    paint: painter(process.stderr),
    write(line) {
      // The stages of a pipe share a terminal: the live line may be another one's.
      progress.clear();
      writeStderr(showsLiveLines() ? `${eraseLine}${line}` : line);
    },
  });
  for (const name of ['PCRS_PASSWORD', 'PCRS_TOKEN']) log.secrets.add(process.env[name] ?? '');
  log.secrets.add(read.profilePassword ?? '');
  for (const sentence of read.unknownVariables) log.warn(sentence);
  verifyTls(log);
  const opened = openOutput(process.stdout, (error) => stop.abort(error));
  const output = process.stdout.isTTY
    ? terminalOutput(opened, painter(process.stdout), progress.clear)
    : opened;
  const forget = stopOnSignals(stop);
  stopWithParent(stop, graceMs);
  try {
    requirePositionals(tool, read.positionals);
    await tool.main({
      tool: tool.name,
      version: suiteVersion(),
      flags: read.values as never,
      origins: read.origins,
      options: read.options,
      forThisTool: read.forThisTool,
      positionals: read.positionals,
      profilePassword: read.profilePassword,
      profile: read.profile,
      env: process.env,
      uid: process.getuid?.(),
      pid: process.pid,
      node: { path: process.execPath, flags: process.execArgv },
      stdin: readStdin(stop.signal),
      lentStdin: readLentStdin(stop.signal),
      stdinIs,
      stdoutIsTerminal: process.stdout.isTTY === true,
      stdoutColumns: process.stdout.columns,
      stderrIsTerminal,
      output,
      log,
      progress,
      startedAt: new Date(),
      signal: stop.signal,
    });
    await output.flush();
    return 0;
  } catch (error) {
    // The error thrown on interruption may say more than the interruption itself.
    const why = stop.signal.aborted && codeOf(error) !== 'PCRS_INTERRUPTED' ? stop.signal.reason : error;
    return await fail(why, log, progress, () => output.flush());
  } finally {
    progress.stop();
    forget();
  }
}

async function fail(
  error: unknown,
  log: Log,
  progress: Progress,
  flush: () => Promise<void>,
): Promise<number> {
  progress.stop();
  if (codeOf(error) !== 'PCRS_READER_GONE' && !wasTold(error, stdinStat()?.isFile() ?? false)) {
    log.error(messageOf(error));
    if (process.env['PCRS_DEBUG'] && error instanceof Error) writeStderr(log.redacted(`${error.stack}\n`));
  }
  // Output written before the failure stands; a reader that has gone away changes nothing.
  await flush().catch(() => {});
  return exitStatus(error);
}

function requirePositionals(tool: AnyTool, given: readonly string[]): void {
  const missing = (tool.positionals ?? []).filter((positional) => positional.required)[given.length];
  if (missing) throw codedError('PCRS_USAGE', `${missing.name} is missing: ${missing.describe}; see --help`);
}

async function printAndEnd(tool: AnyTool, values: CommonValues): Promise<number> {
  const output = openOutput(process.stdout, () => {});
  let text = `${tool.name} ${suiteVersion()}\n`;
  if (values.help) text = (await import('./help.ts')).helpText(tool, process.stdout.columns);
  else if (values.completion) text = completionScript([tool.name], values.completion);
  try {
    output.write(text)?.catch(() => {});
    await output.flush();
    return 0;
  } catch (error) {
    return exitStatus(error);
  }
}

async function printFailedEnd(tool: AnyTool, error: unknown, log: Log): Promise<void> {
  const { endOf } = await import('./end-record.ts');
  const output = openOutput(process.stdout, () => {});
  await output.record(endOf({ runId: null, stage: tool.name }, log, error)).catch(() => {});
  await output.flush().catch(() => {});
}

/** Stops the tool on SIGINT or SIGTERM; ends the process if it does not stop, or at a second signal. */
function stopOnSignals(stop: AbortController): () => void {
  let firstAt: number | undefined;
  const onSignal = (signal: 'SIGINT' | 'SIGTERM'): void => {
    const error = Object.assign(codedError('PCRS_INTERRUPTED', `interrupted by ${signal}`), { signal });
    if (firstAt !== undefined && performance.now() - firstAt > secondSignalMs)
      process.exit(exitStatus(error));
    if (firstAt !== undefined) return;
    firstAt = performance.now();
    // Output that nobody reads must not keep a stopped tool alive.
    setTimeout(() => process.exit(exitStatus(error)), graceMs).unref();
    stop.abort(error);
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  return () => {
    if (firstAt === undefined) process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  };
}

function showsLiveLines(): boolean {
  return process.stderr.isTTY === true && process.env['TERM'] !== 'dumb';
}

function progressMode(
  tool: AnyTool,
  values: CommonValues,
  stdinIs: Context['stdinIs'],
): 'live' | 'plain' | 'none' {
  if (values.quiet || values.logFormat === 'json') return 'none';
  if (!showsLiveLines()) return values.progress ? 'plain' : 'none';
  if (values.progress || tool.live === 'always') return 'live';
  if (tool.live === undefined) return 'none';
  const piped = tool.live === 'unless stdout is piped' ? !process.stdout.isTTY : stdinIs !== 'terminal';
  return piped ? 'none' : 'live';
}

function earlyFormat(argv: readonly string[]): 'text' | 'json' {
  const asked = argv.join(' ').includes('--log-format json') || argv.includes('--log-format=json');
  return asked || process.env['PCRS_LOG_FORMAT'] === 'json' ? 'json' : 'text';
}

/** One version for the whole suite. */
function suiteVersion(): string {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')).version as string;
}

function writeStderr(text: string): void {
  process.stderr.write(text);
}
