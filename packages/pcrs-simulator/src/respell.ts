import type { Form } from './form-names.ts';

/**
 * JSON text spelled differently, with the same values: numbers keep their digits, strings their characters.
 *
 * Takes   text   any part of a JSON document that does not begin or end within a string
 */
export function respell(text: string, forms: ReadonlySet<Form>): string {
  const pretty = forms.has('pretty') || forms.has('padded');
  if (!pretty && !forms.has('escaped') && !forms.has('raw-controls')) return text;
  const gap = forms.has('padded') ? '\t \r\n ' : '\n  ';
  return text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|[{}[\],:]/gs, (token) => {
    if (token.length > 1) return spellString(token, forms);
    if (!pretty) return token;
    if (token === ':') return forms.has('padded') ? ' \n: ' : ': ';
    if (token === '{' || token === '[' || token === ',') return `${token}${gap}`;
    return token === '}' || token === ']' ? `${gap}${token}` : token;
  });
}

const rawControls: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };

function spellString(token: string, forms: ReadonlySet<Form>): string {
  let inside = token.slice(1, -1);
  if (forms.has('raw-controls')) {
    inside = inside.replace(
      /\\(?:u00([01][0-9a-f])|(.))/gi,
      (whole, code: string | undefined, letter: string) =>
        code === undefined ? (rawControls[letter] ?? whole) : String.fromCharCode(Number.parseInt(code, 16)),
    );
  }
  if (forms.has('escaped')) inside = inside.replace(/\\u[0-9a-f]{4}|\\.|[^\\]/gi, escapeOne);
  return `"${inside}"`;
}

/** Alternates capital and small digits, since both are legal. */
function escapeOne(character: string): string {
  if (character.length > 1) return character;
  const code = character.charCodeAt(0);
  const digits = code.toString(16).padStart(4, '0');
  return `\\u${code % 2 === 0 ? digits : digits.toUpperCase()}`;
}
