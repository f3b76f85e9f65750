import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { completionScript, type Shell } from 'pcrs-cli/completion';
import { sourceEnvironment } from '../scripts/source-bins.ts';
import { missing } from './support/on-path.ts';

/** The scripts as the shells read them; the tools that they call run from source. */
function inShell(shell: Shell, more: string): string[] {
  const script = completionScript(['pcrs', 'pcrs-etl', 'pcrs-policies'], shell);
  const quiet = { bash: ['--norc'], zsh: ['-f'], fish: ['--no-config'] }[shell];
  const { stdout, stderr } = spawnSync(shell, [...quiet, '-c', `${script}\n${more}`], {
    encoding: 'utf8',
    env: { ...sourceEnvironment(), TERM: 'xterm' },
  });
  assert.equal(stderr, '');
  return stdout.split(/\r?\n/).filter((line) => line !== '');
}

function bash(...words: string[]): string[] {
  const typed = words.map((word) => `'${word}'`).join(' ');
  return inShell(
    'bash',
    `COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; _pcrs_complete; printf '%s\\n' "\${COMPREPLY[@]}"`,
  );
}

test('bash completes a tool, its flag, and a value after = or a blank', { skip: missing('bash') }, () => {
  assert.deepEqual(bash('pcrs', 'pol'), ['policies']);
  assert.deepEqual(bash('pcrs-policies', '--stat'), ['--status']);
  assert.deepEqual(bash('pcrs', 'policies', '--stat'), ['--status']);
  assert.deepEqual(bash('pcrs-policies', '--status', 'in'), ['inactive']);
  assert.deepEqual(bash('pcrs-policies', '--status', '=', 'in'), ['inactive']);
  assert.deepEqual(bash('pcrs-policies', '--platform', 'EU'), ['EU1', 'EU2', 'EU3']);
});

test('fish completes a tool, its flag and a value', { skip: missing('fish') }, () => {
  assert.deepEqual(inShell('fish', "complete -C 'pcrs pol'"), ['policies']);
  assert.deepEqual(inShell('fish', "complete -C 'pcrs policies --stat'"), ['--status']);
  assert.deepEqual(inShell('fish', "complete -C 'pcrs-policies --status=in'"), ['--status=inactive']);
});

/** The command line of a zsh in its own terminal after TAB was pressed. */
function zsh(typed: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-zsh-'));
  const script = join(folder, 'script');
  writeFileSync(script, completionScript(['pcrs', 'pcrs-etl', 'pcrs-policies'], 'zsh'));
  const program = `zmodload zsh/zpty
zpty inner zsh -f -i
zpty -w inner 'PS1=""; autoload -U compinit; compinit -u -D; source ${script}'
zpty -w inner 'show() { print -r -- "<<$BUFFER>>"; }; zle -N show; bindkey "^X" show; print rea""dy'
zpty -r -m inner out '*ready*'
zpty -w -n inner '${typed}'$'\\t\\x18'
zpty -r -m inner out '*<<*>>*'
print -r -- "$out"
zpty -d inner`;
  const { stdout } = spawnSync('zsh', ['-f', '-c', program], {
    encoding: 'utf8',
    timeout: 60_000,
    env: { ...sourceEnvironment(), TERM: 'xterm', HOME: folder },
  });
  rmSync(folder, { recursive: true });
  return /<<(.*?)>>/.exec(stdout)?.[1]?.trimEnd() ?? stdout;
}

test('zsh completes a tool, its flag and a value', { skip: missing('zsh') }, () => {
  assert.equal(zsh('pcrs pol'), 'pcrs policies');
  assert.equal(zsh('pcrs policies --stat'), 'pcrs policies --status');
  assert.equal(zsh('pcrs-policies --status=in'), 'pcrs-policies --status=inactive');
});

test("a tool's own script completes only that tool", { skip: missing('bash') }, () => {
  const lines = `source <(pcrs-policies --completion bash)
COMP_WORDS=(pcrs-policies --tit); COMP_CWORD=1; _pcrs_policies_complete; echo "$COMPREPLY"`;
  const { stdout } = spawnSync('bash', ['--norc', '-c', lines], {
    encoding: 'utf8',
    env: sourceEnvironment(),
  });
  assert.equal(stdout, '--title\n');
});
