// Tables that must agree between two packages, where a difference would not break anything at once.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Flags } from 'pcrs-cli/flags';
import type { Tool } from 'pcrs-cli/tool';
import { defaultVersions } from 'pcrs-gateway/api-versions';
import { controlsTable, flatPostureColumns, postureTable } from 'pcrs-records/columns';
import { type Narrowing, narrowings } from 'pcrs-records/scope';
import { root } from '../scripts/run-program.ts';

async function flagsOf(name: string): Promise<Flags> {
  return ((await import(`${name}/cli`)) as { tool: Tool }).tool.flags;
}

/** Flags that narrow what a tool asks for or yields, and those that do not: add a new flag to one of the two. */
const narrowing: Readonly<Record<string, { narrow: string; others: string }>> = {
  'pcrs-policies': {
    narrow: 'evaluated-since status id exclude-id title',
    others: 'tag-info untagged allow-empty no-stdin resume api-version',
  },
  'pcrs-hostids': {
    narrow: 'scanned-since status-changed-since asset-state asset-deployment-type',
    others: 'policies-per-request untagged skip-bad resume api-version',
  },
  'pcrs-posture': {
    narrow:
      'exclude-inactive-controls evaluated-since scanned-since scanned-from scanned-to status-changed-since',
    others:
      'evidence extended-evidence qds no-compression untagged hosts-per-request policies-per-request strict plan resume input resume-within replay skip-bad api-version concurrency',
  },
  'pcrs-from-sqlite': { narrow: 'id posture-status', others: 'name' },
  'pcrs-from-history': { narrow: 'host control id', others: 'at' },
};

for (const [stage, { narrow, others }] of Object.entries(narrowing)) {
  test(`${stage}: every flag that narrows is in the scope of its start, and no other`, async () => {
    const { stageFlags } = await import('pcrs-cli/gateway-flags');
    const own = Object.keys(await flagsOf(stage)).filter((name) => !Object.hasOwn(stageFlags, name));
    const options = Object.fromEntries(own.map((name) => [name, { value: 'given', from: 'flag' as const }]));
    const found = narrowings({ stage, options }).map(({ flag }: Narrowing) => flag);
    assert.deepEqual(found.sort(), narrow.split(' ').sort());
    assert.deepEqual(own.sort(), `${narrow} ${others}`.split(' ').sort());
  });
}

test('flags have the defaults of the contract, shared with the libraries as constants', async () => {
  const defaults = async (name: string, ...flags: string[]) => {
    const all = await flagsOf(name);
    return flags.map((flag) => all[flag]?.fallback);
  };
  assert.deepEqual(
    {
      policies: await defaults('pcrs-policies', 'api-version', 'timeout', 'retries', 'max-wait', 'rate'),
      hostids: await defaults('pcrs-hostids', 'api-version', 'policies-per-request'),
      posture: await defaults(
        ...(['pcrs-posture', 'api-version', 'hosts-per-request', 'policies-per-request'] as const),
        ...(['concurrency', 'resume-within'] as const),
      ),
      sqlite: await defaults('pcrs-to-sqlite', 'unknown'),
      postgres: await defaults('pcrs-to-postgres', 'schema', 'lock-timeout', 'unknown'),
    },
    {
      policies: ['2.0', 600, 6, 1800, { requests: 25, seconds: 60 }],
      hostids: ['5.0', 10],
      posture: ['5.0', 1000, 10, 2, '12h'],
      sqlite: ['keep'],
      postgres: ['pcrs', 60, 'keep'],
    },
  );
  assert.deepEqual(defaultVersions, { policyList: '2.0', hostids: '5.0', postureInfo: '5.0' });
});

test('the flat view shows every member of a posture and its control, and nothing else', () => {
  const stored = [postureTable, controlsTable].flatMap(({ columns }) => columns.map(({ name }) => name));
  const shown = flatPostureColumns.map(({ path }) => path[0]);
  assert.deepEqual([...new Set(shown)].sort(), [...new Set(stored)].sort());
  const split = flatPostureColumns.filter(({ without }) => without !== undefined);
  for (const { path, without } of split) {
    const parts = flatPostureColumns.filter(
      (column) => column.path[0] === path[0] && column.path.length === 2,
    );
    assert.deepEqual(
      parts.map((column) => column.path[1]),
      without,
      `${path[0]}: each part has its column`,
    );
  }
});

test('ARCHITECTURE.md names every package, and only files that exist', () => {
  const page = readFileSync(join(root, 'ARCHITECTURE.md'), 'utf8');
  const packages = globSync('packages/*/package.json', { cwd: root }).map(
    (path) => path.split('/')[1] as string,
  );
  const named = new Set(page.match(/pcrs(-[a-z]+)*/g));
  assert.deepEqual(
    packages.filter((name) => !named.has(name)),
    [],
  );
  const paths = [...page.matchAll(/`((?:pcrs-[a-z-]+\/src|test|docs|bench)\/[\w./*-]+)`/g)].map(
    ([, path]) => path as string,
  );
  assert.ok(paths.length > 20);
  const missing = paths.filter((path) => globSync([path, `packages/${path}`], { cwd: root }).length === 0);
  assert.deepEqual(missing, []);
});
