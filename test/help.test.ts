// The flag tables of all tools together, and the help and completion made from them.
import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { commonFlags } from 'pcrs-cli/common-flags';
import { exitStatuses } from 'pcrs-cli/exit-status';
import type { Flags } from 'pcrs-cli/flags';
import { helpText } from 'pcrs-cli/help';
import { otherVariables, sharedFlags, suiteTools } from 'pcrs-cli/suite';
import type { Tool } from 'pcrs-cli/tool';
import { tools } from '../scripts/source-bins.ts';

const tables = await Promise.all(
  tools.map(async (name) => ((await import(`${name}/cli`)) as { tool: Tool }).tool),
);

test('the suite knows each of its tools by name', () => {
  const names = tables.map(({ name }) => name).filter((name) => name !== 'pcrs');
  assert.deepEqual(names.sort(), [...suiteTools].sort());
});

for (const tool of tables) {
  suite(`${tool.name} --help`, () => {
    const lines = helpText(tool).split('\n');

    test('starts with two to four pipes that contain the tool', () => {
      const { pipes } = tool;
      assert.ok(pipes.length >= 2 && pipes.length <= 4, pipes.join('\n'));
      assert.ok(pipes.every((pipe) => pipe.includes(tool.name) || pipe.includes('pcrs')));
      assert.ok(lines[0]!.startsWith(`  ${pipes[0]!.split(' | ')[0]}`));
    });

    test('fits 80 columns', () => {
      const long = lines.filter((line) => line.length > 80);
      assert.deepEqual(long, []);
    });

    test('names every flag, and ends with the exit statuses', () => {
      const text = lines.join('\n');
      for (const name of Object.keys({ ...tool.flags, ...commonFlags }))
        assert.ok(text.includes(`--${name}`), name);
      const end = lines
        .slice(lines.indexOf('Exit status, the same in every tool:') + 1, -1)
        .map((line) => line.trim().split(/\s/)[0]);
      assert.deepEqual(
        end.slice(0, exitStatuses.length),
        exitStatuses.map(([status]) => status),
      );
    });
  });
}

/** Flags of one name with another meaning, each with its reason. */
const otherwise: Readonly<Record<string, string>> = {
  'pcrs-simulator --username': 'the account that the gateway knows, not the one to log in with',
  'pcrs-simulator --password-file': 'likewise',
  'pcrs-diff --kind': 'kinds of change; a record is of one kind, a difference of several',
  'pcrs-report --history': 'the file that is read; pcrs-etl makes one, in a place of its own',
};

test('a flag of two tools takes the same kind of value in both, and the same variables', () => {
  const known = new Map<string, { tool: string; facts: string }>();
  const differing: string[] = [];
  for (const { name: tool, flags } of tables) {
    for (const [name, flag] of Object.entries(flags as Flags)) {
      if (`${tool} --${name}` in otherwise) continue;
      // The policy list's version is separate: PCRS_API_VERSION is for host ids and posture.
      const environment = name === 'api-version' ? '' : flag.environment;
      const facts = `${flag.form}, ${environment}, ${flag.short ?? 'no letter'}, ${flag.choices ?? 'any value'}`;
      const before = known.get(name);
      if (!before) known.set(name, { tool, facts });
      else if (facts !== before.facts)
        differing.push(`--${name}: ${tool}: ${facts}; ${before.tool}: ${before.facts}`);
    }
  }
  assert.deepEqual(differing, []);
});

test("no tool's flag has the name of a common flag", () => {
  for (const { name, flags } of tables)
    assert.deepEqual(
      Object.keys(flags).filter((flag) => flag in commonFlags),
      [],
      name,
    );
});

test("the suite's shared flags are exactly those listed, each with a variable for all tools", () => {
  const listed = new Set<string>(sharedFlags);
  for (const { name: tool, flags } of tables) {
    for (const [name, flag] of Object.entries({ ...(flags as Flags), ...commonFlags })) {
      assert.equal(
        flag.environment === 'shared',
        listed.has(name) && flag.environment !== 'tool',
        `--${name} of ${tool}`,
      );
    }
  }
  for (const name of otherVariables) assert.match(name, /^PCRS_/);
});

test('flags that may hold a secret are never recorded or shown', () => {
  for (const { name: tool, flags } of tables) {
    for (const [name, flag] of Object.entries(flags as Flags)) {
      if (/-command$|^proxy$/.test(name)) assert.equal(flag.secret, true, `--${name} of ${tool}`);
    }
  }
});
