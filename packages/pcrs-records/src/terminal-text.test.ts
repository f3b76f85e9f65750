import assert from 'node:assert/strict';
import { test } from 'node:test';
import { spelledOut, terminalLines, terminalText } from './terminal-text.ts';

test('removes C0 and C1 control characters and bidi overrides, and nothing else', () => {
  for (let code = 0; code < 0x3000; code += 1) {
    const character = String.fromCharCode(code);
    const isControl = /[\p{Cc}\u2028\u2029]/u.test(character) || /\p{Bidi_Control}/u.test(character);
    assert.equal(terminalText(character), isControl ? ' ' : character, code.toString(16));
    assert.equal(terminalLines(character), isControl && character !== '\n' ? ' ' : character);
    assert.equal(spelledOut(character) === character, !isControl);
  }
  assert.equal(spelledOut('a\u001b[2J\u202eb'), 'a\\u001b[2J\\u202eb');
});
