import { faultKinds } from './fault-kinds.ts';
import { faultShape } from './faults.ts';
import { contentForms, textForms } from './form-names.ts';
import { eventForms } from './world-events.ts';

const kinds = Object.entries<{ value?: string; valueRequired?: boolean; describe: string }>(faultKinds)
  .map(([name, { value, valueRequired, describe }]) => {
    const given = value === undefined ? '' : valueRequired ? `=${value}` : `[=${value}]`;
    return `  ${name}${given}: ${describe}`;
  })
  .join('\n');
const forms = Object.entries({ ...textForms, ...contentForms }).map(([name, what]) => `  ${name}: ${what}`);

/** Paragraphs of the help: the grammar of faults, their kinds, the forms. */
export const helpNotes: readonly string[] = [
  `FAULT is ${faultShape}. ENDPOINT is auth, list, hostids, posture or *. WHEN counts the requests to it (with @policy or @host: those that name it) that have a good token and are within the rate: 3 the third, 1-2, 3- from the third on, %5 each fifth, * all.`,
  `Kinds of faults:\n${kinds}`,
  `Forms:\n${forms.join('\n')}`,
  `EVENT is ${eventForms.join(', ')}. POLICY is the place in the list, from 0. SHARE is 0 to 1; 1 and more for away: that many hosts. The second DAY is the first one without it.`,
  'Any user may log in with any password but "wrong".',
];
