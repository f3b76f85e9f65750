import { flag } from 'pcrs-cli/flags';
import { connectionFlags, gatewayOptions } from 'pcrs-cli/gateway-flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';
import type { AuthOptions } from './index.ts';

const flags = {
  check: flag.boolean({
    describe: 'report whose token is valid and what blocks a login; with --renew, log in first',
    env: 'none',
  }),
  renew: flag.boolean({ describe: 'log in even if the stored token is still valid', env: 'none' }),
  logout: flag.boolean({ describe: 'delete the token file', env: 'none' }),
  'print-token': flag.boolean({ describe: 'print the raw token instead of a session', env: 'none' }),
  credentials: flag.text({
    describe: 'read {"username","password","gateway"} from stdin (-)',
    value: '-',
    env: 'none',
  }),
  strict: flag.boolean({ describe: 'refuse a password file that others may read' }),
  ...connectionFlags,
} as const;

type AuthContext = Context<typeof flags>;

export const tool = defineTool({
  name: 'pcrs-auth',
  summary: 'logs in once, stores the token, and starts a run.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-sqlite posture.db',
    'curl -H @<(echo "Authorization: Bearer $(pcrs-auth --print-token)") "$URL"',
  ],
  stdin: 'none',
  opensRun: true,
  flags,
  notes: [
    'The password comes from --credentials -, --password-file, --password-command, PCRS_PASSWORD, the profile, $CREDENTIALS_DIRECTORY/pcrs-password (systemd), or a hidden prompt; never from the command line.',
    'The token is stored as tokens/HOST/USER.json in PCRS_STATE_DIR, else $XDG_STATE_HOME/pcrs, else ~/.local/state/pcrs.',
  ],
  async main(context) {
    const { check, renew, logout: leave, printToken } = context.flags;
    if ([check, leave, printToken].filter(Boolean).length > 1) {
      throw codedError('PCRS_USAGE', '--check, --logout and --print-token exclude each other; give one');
    }
    if (renew && leave) throw codedError('PCRS_USAGE', '--renew cannot be combined with --logout');
    if (check) return tellCheck(context, await authOptions(context));
    const { liveToken, logout } = await import('./index.ts');
    if (leave) return tellLogout(context, await logout(await authOptions(context)));
    if (printToken) return context.output.write(`${await liveToken(await authOptions(context))}\n`);
    return openRun(context);
  },
});

async function tellCheck(context: AuthContext, options: AuthOptions): Promise<void> {
  const { openSession } = await import('./index.ts');
  if (options.renew) await openSession(options);
  const { diagnose } = await import('./diagnosis.ts');
  const { facts, warnings, failure } = await diagnose(options);
  if (facts) await context.output.record(facts);
  for (const warning of warnings) context.log.warn(warning);
  if (failure) throw failure;
}

async function openRun(context: AuthContext): Promise<void> {
  try {
    const { openSession } = await import('./index.ts');
    const { session, renewable } = await openSession(await authOptions(context));
    if (!renewable) {
      context.log.info(
        `this run cannot renew its token, which expires at ${session.expiresAt}; set PCRS_PASSWORD or use a profile to allow renewal`,
      );
    }
    await context.output.record(session);
  } catch (error) {
    const reason = context.signal.aborted ? context.signal.reason : error;
    const { endOf } = await import('pcrs-cli/end-record');
    const { newRunId } = await import('pcrs-records/run-id');
    await context.output
      .record(endOf({ runId: newRunId(), stage: context.tool }, context.log, reason))
      .catch(() => {});
    throw error;
  }
}

async function authOptions(context: AuthContext): Promise<AuthOptions> {
  const { credentials, renew } = context.flags;
  const { readCredentials } = await import('./credentials.ts');
  const { askHidden } = await import('pcrs-cli/prompt');
  return {
    ...gatewayOptions(context),
    ...{ renew, startedAt: context.startedAt },
    credentials: credentials === undefined ? undefined : await readCredentials(credentials, context),
    prompt: context.stdinIs === 'terminal' ? askHidden : undefined,
    advice: 'give --password-file, --password-command or PCRS_PASSWORD',
  };
}

function tellLogout(context: AuthContext, path: string | undefined): void {
  context.log.note(path === undefined ? 'no token to delete' : `deleted ${path}`);
}
