import assert from 'node:assert/strict';
import { test } from 'node:test';
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

test('help starts with the pipes, ends with the exit statuses and fits the terminal', () => {
  const lines = helpText(tool).trimEnd().split('\n');
  assert.equal(lines[0], '  pcrs-auth | pcrs-example');
  assert.match(lines.at(-1) ?? '', /^ {2}130 +interrupted/);
  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
});

test('help lists every flag with its default', () => {
  const help = helpText(tool);
  for (const name of [...Object.keys(tool.flags), 'help', 'version', 'completion'])
    assert.ok(help.includes(`--${name}`), name);
  assert.match(help, /--format one\|two +what's \[written\]: one or two \(default one\)/);
  assert.match(help, /--retries N .*\(default 6\)/);
});

test("help wraps at the terminal's width, or at 80 columns if that is unknown", () => {
  const longest = (columns?: number) =>
    Math.max(
      ...helpText(tool, columns)
        .split('\n')
        .map((line) => line.length),
    );
  assert.ok(longest() <= 80 && longest() > 70, `${longest()}`);
  assert.ok(longest(60) <= 60 && longest(60) > 50, `${longest(60)}`);
  assert.ok(longest(1000) <= 100);
});

test('a pipe longer than a line breaks after a bar, so that it can be pasted', () => {
  const pipe =
    'pcrs-auth | pcrs-policies --title PCI | pcrs-hostids | pcrs-posture --evidence | pcrs-to-csv > pci.csv';
  const [first, second] = helpText({ ...tool, pipes: [pipe] }).split('\n');
  assert.equal(first, '  pcrs-auth | pcrs-policies --title PCI | pcrs-hostids |');
  assert.equal(second, '    pcrs-posture --evidence | pcrs-to-csv > pci.csv');
});
