import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { flag } from 'pcrs-cli/flags';
import { camelCase } from 'pcrs-cli/read-flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import { argumentsFor, passedFlags, variablesFor } from './passed-flags.ts';
import { type PartStatus, type PipePart, runPipe } from './pipe.ts';

const flags = {
  out: flag.text({ describe: 'where the snapshots go (made if need be)', value: 'DIR' }),
  name: flag.text({ describe: "a name in the snapshot's file name", value: 'NAME' }),
  ...passedFlags,
} as const;

const pipe = ['pcrs-auth', 'pcrs-policies', 'pcrs-hostids', 'pcrs-posture', 'pcrs-to-sqlite'] as const;

export const tool = defineTool({
  name: 'pcrs-etl',
  summary: 'runs the whole pipe: policies, host ids and posture of a subscription into a SQLite snapshot.',
  pipes: [
    'pcrs-etl --out snapshots --evidence',
    'pcrs-etl --out snapshots --title DISA | jq .rows',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite --snapshot snapshots  # the same',
  ],
  stdin: 'none',
  flags,
  notes: [
    'Flags of the stages are passed on to each stage that has them.',
    'DATE is YYYY-MM-DD, YYYY-MM-DDThh:mm:ssZ, or relative: 7d, 36h.',
  ],
  async main(context) {
    const { out, name } = context.flags;
    if (out === undefined) throw codedError('PCRS_USAGE', '--out is missing: where the snapshots go');
    const given = givenFlags(context);
    const sink = ['--snapshot', out, ...(name === undefined ? [] : ['--name', name])];
    const parts = pipe.map((part) => ({
      tool: part,
      bin: binOf(part),
      args: [...argumentsFor(part, given), ...(part === 'pcrs-to-sqlite' ? sink : [])],
    }));
    judge(await runTheParts(context, parts, variablesFor(given)));
  },
});

function runTheParts(
  context: Context<typeof flags>,
  parts: PipePart[],
  secrets: Record<string, string>,
): Promise<PartStatus[]> {
  const { node, signal } = context;
  return runPipe(parts, { node, signal, env: { ...context.env, ...secrets } });
}

/** The flags set for pcrs-etl alone, by name. */
function givenFlags(context: Context<typeof flags>): Map<string, unknown> {
  const values = context.flags as Readonly<Record<string, unknown>>;
  return new Map([...context.forThisTool].map((name) => [name, values[camelCase(name)]]));
}

/** The bin of a neighbour, from source or built, as this tool was started. */
function binOf(part: string): string {
  return join(dirname(fileURLToPath(import.meta.resolve(`${part}/cli`))), '..', 'bin', `${part}.js`);
}

/** The exit status is that of the first tool of the pipe that failed; it has told why itself. */
function judge(statuses: readonly PartStatus[]): void {
  const failed = statuses.find(({ status }) => status !== 0);
  if (failed === undefined) return;
  const error = codedError(
    'PCRS_INCOMPLETE',
    `${failed.tool} ended ${failed.status}; nothing was published as complete`,
  );
  throw Object.assign(error, { exitStatus: failed.status });
}
