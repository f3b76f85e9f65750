import type { Gateway } from '../ask/gateway.ts';
import { usageError } from '../ask/gateway-error.ts';
import type { Opening } from './archive.ts';
import type { Header } from './archive-answers.ts';
import type { Facts } from './archive-kept.ts';

/** Where to store answers, and how; nothing is stored without a directory. */
export interface Keeping {
  directory: string | undefined;
  resume: boolean;
  /** How long to wait for another process's archive, and whom to inform. */
  opening?: Opening | undefined;
  /** Members of the manifest's first line that the gateway does not provide. */
  header: Pick<Header, 'stage' | 'version' | 'runId' | 'startedAt' | 'options'>;
}

/**
 * Runs `work` with a gateway, stores the answers if asked to, and closes both.
 *
 * Throws  whatever `work`, `openAnswers` and `begin` throw
 */
export async function askKeeping<T>(
  gateway: Gateway,
  { directory, resume, opening, header }: Keeping,
  facts: Facts<T>,
  work: (gateway: Pick<Gateway, 'ask'>) => Promise<void>,
): Promise<void> {
  try {
    if (directory === undefined) {
      if (resume) throw usageError('--resume needs --archive DIR');
      return await work(gateway);
    }
    const { openAnswers } = await import('./archive-answers.ts');
    const answers = await openAnswers(directory, resume, opening);
    try {
      await answers.begin({ ...header, gateway: gateway.url, username: gateway.username ?? null });
      await work(answers.over(gateway, facts));
    } finally {
      await answers.close();
    }
  } finally {
    await gateway.close();
  }
}
