import { styleText } from 'node:util';

export type Verdict = 'good' | 'bad';

/** Colours a verdict. */
export type Paint = (verdict: Verdict, text: string) => string;

/** Green or red on a terminal that shows colours; styleText honours NO_COLOR, FORCE_COLOR and TERM=dumb. */
export function painter(stream: NodeJS.WriteStream): Paint {
  return (verdict, text) => styleText(verdict === 'good' ? 'green' : 'red', text, { stream });
}
