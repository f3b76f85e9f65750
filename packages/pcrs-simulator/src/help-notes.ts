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
  `FAULT is ${faultShape}. ENDPOINT is auth, list, hostids, posture or *. WHEN counts the requests to the endpoint that have a valid token and are within the rate (with @policy or @host, only those that name it): 3 is the third, 1-2 the first two, 3- the third and later, %5 every fifth, * all.`,
  `Kinds of faults:\n${kinds}`,
  `Forms:\n${forms.join('\n')}`,
  `EVENT is ${eventForms.join(', ')}. POLICY is the position in the list, from 0. SHARE is 0 to 1; for away, 1 or more is a number of hosts. The second DAY is the first one without the event.`,
  'Any user may log in with any password but "wrong".',
];
