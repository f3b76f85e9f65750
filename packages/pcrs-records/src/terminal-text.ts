/** Characters that move a terminal's cursor, change its state or reverse its text. */
const unsafe = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Foreign text for one line of a terminal: control characters (C0, C1) and bidi overrides become spaces. */
export function terminalText(text: string): string {
  return text.replace(unsafe, ' ');
}

/** Like `terminalText`, for several lines; keeps line ends. */
export function terminalLines(text: string): string {
  return text.replace(unsafe, (character) => (character === '\n' ? character : ' '));
}

/** Foreign text with unsafe characters spelled out: `\u001b`. */
export function spelledOut(text: string): string {
  return text.replace(unsafe, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
