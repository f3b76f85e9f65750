import { codedError } from 'pcrs-records/errors';

/**
 * Asks for a secret on the terminal, without echo.
 *
 * Takes   text  the question, shown on stderr
 * Yields  undefined without a terminal
 * Throws  PCRS_INTERRUPTED on Ctrl-C
 */
export async function askHidden(text: string): Promise<string | undefined> {
  const { stdin, stderr } = process;
  if (!stdin.isTTY || !stderr.isTTY) return undefined;
  stderr.write(text);
  stdin.setRawMode(true);
  stdin.resume();
  try {
    return await readUntilEnter(stdin);
  } finally {
    stdin.setRawMode(false);
    stdin.pause();
    stderr.write('\n');
  }
}

async function readUntilEnter(stdin: NodeJS.ReadStream): Promise<string> {
  const decoder = new TextDecoder();
  let typed = '';
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onData = (bytes: Buffer): void => {
    for (const character of decoder.decode(bytes, { stream: true })) {
      if (character === '\r' || character === '\n' || character === '\u0004') resolve(typed);
      else if (character === '\u0003') reject(codedError('PCRS_INTERRUPTED', 'interrupted at the prompt'));
      else if (character === '\u007f' || character === '\b') typed = Array.from(typed).slice(0, -1).join('');
      else if (character === '\u0015') typed = '';
      else typed += character;
    }
  };
  stdin.on('data', onData);
  try {
    return await promise;
  } finally {
    stdin.off('data', onData);
  }
}
