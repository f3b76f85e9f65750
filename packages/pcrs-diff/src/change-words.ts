/** Kinds of change between two databases, in the order of the summary. */
export const changeWords = [
  'newly_failed',
  'fixed',
  'status_changed',
  'appeared',
  'vanished',
  'control_added',
  'control_removed',
] as const;
export type ChangeWord = (typeof changeWords)[number];

/** Meaning of each word, for the help. */
export const meanings: Readonly<Record<ChangeWord, string>> = {
  newly_failed: 'the status became Failed',
  fixed: 'the status was Failed and became Passed',
  status_changed: 'any other change of the status',
  appeared: 'a posture that only NEW has, whatever its status',
  vanished: 'a posture that only OLD has',
  control_added: 'a control that no host of the policy had in OLD',
  control_removed: 'a control that no host of the policy has in NEW',
};
