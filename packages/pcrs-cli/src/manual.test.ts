import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { flag } from './flags.ts';
import { stageFlags } from './gateway-flags.ts';
import { manualPage } from './manual.ts';
import { defineTool, type Tool } from './tool.ts';

const tool = defineTool({
  name: 'pcrs-example',
  summary: 'does one thing.',
  pipes: ["pcrs-auth | pcrs-example --format 'a~b' | jq '.x^2' > \"$OUT\""],
  positionals: [{ name: 'DB', describe: 'the database', required: true }],
  stdin: 'required',
  flags: {
    format: flag.text({ describe: ".a dot first, a \\ and … within; 'quoted'", value: 'TEXT' }),
    ...stageFlags,
  },
  notes: ["'Tis a note:\n  first of a list\n  .second of it"],
  async main() {},
}) as unknown as Tool;

/** The page as a terminal shows it, and the formatter's warnings. */
function formatted(t: TestContext, page: string): string | undefined {
  const args = ['-man', '-Tutf8', '-ww', '-P-cbou', '-rLL=100n'];
  const { error, stdout, stderr } = spawnSync('groff', args, { input: page, encoding: 'utf8' });
  if (error) return void t.skip('there is no groff here');
  assert.equal(stderr, '');
  return stdout;
}

test('a man page is ASCII and holds every flag with its variable, the pipes and the statuses', () => {
  const page = manualPage(tool, '1.2.3');
  assert.match(page, /^\.TH PCRS-EXAMPLE 1 "" "pcrs 1\.2\.3"/);
  assert.match(page, /^\.SH NAME\npcrs\\-example \\- does one thing$/m);
  assert.match(page, /^[\x20-\x7e\n]*$/);
  for (const name of Object.keys(tool.flags))
    assert.ok(page.includes(`\\-\\-${name.replaceAll('-', '\\-')}`));
  assert.match(page, /PCRS_EXAMPLE_FORMAT in the environment/);
  assert.match(page, /\.BR pcrs\\-policies \(1\)/);
  assert.doesNotMatch(page, /^\.BR pcrs\\-example/m);
});

test('groff formats a man page without warnings and keeps every character', (t) => {
  const shown = formatted(t, manualPage(tool, '1.2.3'));
  if (shown === undefined) return;
  assert.match(shown, /pcrs-auth \| pcrs-example --format 'a~b' \| jq '\.x\^2' > "\$OUT"/);
  assert.match(shown, /\.a dot first, a \\ and … within; 'quoted'; PCRS_EXAMPLE_FORMAT in the environment/);
  assert.match(shown, /'Tis a note:\n\n +first of a list\n\n +\.second of it/);
  assert.match(shown, /pcrs-example \[flags\] DB < RECORDS/);
});
