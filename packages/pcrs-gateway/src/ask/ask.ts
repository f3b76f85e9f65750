import { attempt, type Outcome } from './attempt.ts';
import { Question } from './question.ts';
import type { AskContext, Consume, GatewayRequest } from './request.ts';

/**
 * Sends a request until it is answered, given up or refused: waits, retries, token renewals.
 *
 * Takes   consume   runs once per try; an error with code PCRS_BROKEN_BODY counts as a failed try, any other is
 *                   passed on
 * Throws  GatewayError; PCRS_REFUSED without a token or with a refused one; the signal's reason
 */
export async function ask<T>(context: AskContext, request: GatewayRequest, consume: Consume<T>): Promise<T> {
  const question = new Question(context, request);
  for (;;) {
    const token = await context.tokens.current();
    const dispatcher = await context.dispatcher();
    const permit = await context.pacing.enter(request.endpoint, question.patienceMs());
    if ('why' in permit) throw question.outOfPatience(permit);
    let outcome: Outcome<T>;
    try {
      outcome = await attempt(context, request, consume, { token, dispatcher, permit });
    } finally {
      await permit.leave();
    }
    if (outcome.kind === 'done') return outcome.value;
    await question.goOn(outcome, token);
    context.tally.retries += 1;
  }
}
