import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { completionScript } from './completion.ts';
import { flag } from './flags.ts';
import { stageFlags } from './gateway-flags.ts';
import { helpText } from './help.ts';
import { defineTool } from './tool.ts';

const tool = defineTool({
  name: 'pcrs-example',
  summary:
    'does one thing to a great many records, and says so in a sentence that is longer than one line of help can ever be.',
  pipes: ['pcrs-auth | pcrs-example', 'pcrs-example | jq .'],
  stdin: 'required',
  flags: {
    format: flag.choice(['one', 'two'], { describe: "what's [written]: one or two", default: 'one' }),
    ...stageFlags,
  },
  async main() {},
});

test('the help opens with the pipes, ends with the exit statuses and fits 100 columns', () => {
  const lines = helpText(tool).trimEnd().split('\n');
  assert.equal(lines[0], '  pcrs-auth | pcrs-example');
  assert.match(lines.at(-1) ?? '', /^ {2}130 +interrupted/);
  assert.deepEqual(
    lines.filter((line) => line.length > 100),
    [],
  );
});

test('every flag is in the help with its default', () => {
  const help = helpText(tool);
  for (const name of [...Object.keys(tool.flags), 'help', 'version', 'completion'])
    assert.ok(help.includes(`--${name}`), name);
  assert.match(help, /--format one\|two +what's \[written\]: one or two \(default one\)/);
  assert.match(help, /--rate N\/SECONDS .*\(default 25\/60\)/);
});

test('the completion for bash offers flags and the values of a choice', () => {
  const complete = (word: string, previous: string) =>
    execFileSync('bash', [
      '-c',
      `${completionScript(tool, 'bash')}\nCOMP_WORDS=(pcrs-example "${previous}" "${word}"); COMP_CWORD=2; _pcrs_example; echo "\${COMPREPLY[*]}"`,
    ])
      .toString()
      .trim();
  assert.equal(complete('--form', ''), '--format');
  assert.equal(complete('t', '--format'), 'two');
});

test('the completion for zsh keeps quotes, brackets and colons of a description apart from its own', () => {
  assert.match(
    completionScript(tool, 'zsh'),
    /'--format=\[what'\\''s \\\[written\\\]\\: one or two\]:one\|two:\(one two\)'/,
  );
});
