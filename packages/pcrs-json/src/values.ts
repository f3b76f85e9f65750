import { forms } from './places.ts';

/**
 * The text of a value: a string's characters, any other value's JSON.
 *
 * Takes   start, endAndForm   a value's two words; see places.ts
 */
export function textOf(bytes: Buffer, start: number, endAndForm: number): string {
  const end = endAndForm >> 4;
  const form = endAndForm & 15;
  if (form >= forms.escaped)
    return JSON.parse(`"${bytes.toString(form & 1 ? 'utf8' : 'latin1', start, end)}"`);
  return bytes.toString(form >= forms.nested && form & 1 ? 'utf8' : 'latin1', start, end);
}
