import { controlsTable, postureTable } from 'pcrs-records/columns';
import { ControlTexts } from './control-texts.ts';
import { type MemberColumn, Members } from './members.ts';
import type { ValueCounts } from './values.ts';

const controlTexts = controlsTable.columns.filter(({ name }) => !controlsTable.key.includes(name));

/**
 * The columns that a posture's members go into, those of its control included; slot n is column n.
 *
 * Takes  before  columns that earlier records brought
 */
export function postureColumns(before: readonly string[]): MemberColumn[] {
  return [
    ...postureTable.columns,
    ...controlTexts,
    ...before.map((name) => ({ name, type: 'ANY' as const })),
  ];
}

/** A reader of postures, and what it knows of their controls. */
export interface PostureMembers {
  readonly members: Members;
  readonly controlTexts: ControlTexts;
  /** Slots of the members that only the controls table has. */
  readonly textSlots: readonly number[];
}

/** Makes a reader of postures. */
export function openPostureMembers(
  before: readonly string[],
  counts: ValueCounts,
  takeNew: (name: string) => boolean,
): PostureMembers {
  const members = new Members('posture', postureColumns(before), counts, takeNew);
  const slots = (columns: readonly { name: string }[]) => columns.map(({ name }) => members.slotOf(name));
  const keySlots = slots(controlsTable.key.map((name) => ({ name }))) as [number, number, number];
  const textSlots = slots(controlTexts);
  return { members, controlTexts: new ControlTexts(members, keySlots, textSlots), textSlots };
}
