import type { Flags } from './flags.ts';
import type { Context } from './tool.ts';

const silenceMs = 3000;

/**
 * A context that reads stdin only if it is a pipe, a socket or a file, and `--no-stdin` is not set. After
 * three seconds without input it logs that it is waiting, once, unless stderr is a terminal.
 */
export function stdinOrNothing<F extends Flags>(context: Context<F>): Context<F> {
  const { noStdin } = context.flags as { noStdin?: boolean };
  const wanted = context.stdinIs === 'stream' && !noStdin;
  return { ...context, stdin: wanted ? telling(context) : nothing() };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* telling(context: Context): AsyncGenerator<Uint8Array> {
  const timer = setTimeout(() => {
    if (!context.stderrIsTerminal)
      context.log.info('stdin: still waiting for the first record; use -n to ignore stdin');
  }, silenceMs);
  try {
    for await (const chunk of context.stdin) {
      clearTimeout(timer);
      yield chunk;
    }
  } finally {
    clearTimeout(timer);
  }
}
