/** What moves a terminal's cursor, changes its state or turns the direction of its text. */
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** A text from outside on one line of a terminal: control characters (C0, C1) and bidi overrides become spaces. */
export function terminalText(text: string): string {
  return text.replace(unsafe, ' ');
}

/** As `terminalText`, of what is made of lines: their ends stay. */
export function terminalLines(text: string): string {
  return text.replace(unsafe, (character) => (character === '\n' ? character : ' '));
}

/** A text from outside with what a terminal must not get spelled out: `\u001b`. */
export function spelledOut(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
