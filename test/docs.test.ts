// Runs the commands in the docs, each section alone, in a copy of what the blocks before the first section made; and
// checks that their programs equal docs/examples, letter for letter.
import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { before, suite, test } from 'node:test';
import { root } from '../scripts/run-program.ts';
import { missing } from './support/on-path.ts';
import { openPlace } from './support/open-place.ts';
import { lacking, openPostgres } from './support/postgres-load.ts';
import {
  copyOf,
  guestsOf,
  lasting,
  runBlocks,
  type ShellBlock,
  sectionsOf,
} from './support/readme-blocks.ts';

const place = await openPlace('docs');
const server = missing('psql') ? undefined : await openPostgres();
Object.assign(place.env, server?.env);

for (const path of globSync('docs/*.md', { cwd: root }).sort()) {
  const page = sectionsOf(readFileSync(join(root, path), 'utf8'));
  suite(path, { concurrency: 2 }, () => {
    const start = place.folder();
    before(() => runAll(path, page.before, start));
    for (const { title, blocks } of page.sections) {
      if (blocks.length === 0) continue;
      test(`${path} shows commands that run: ${title}`, { skip: absent(blocks) }, async () => {
        await runAll(path, blocks, copyOf(start, place));
      });
    }
  });
}

async function runAll(path: string, blocks: readonly ShellBlock[], cwd: string): Promise<void> {
  for await (const { block, ended } of runBlocks(blocks, place, cwd)) {
    const { line, script, output } = block;
    assert.equal(ended.status, 0, `${path}:${line} ended ${ended.status}\n${script}${ended.stderr}`);
    if (output !== undefined) assert.equal(lasting(ended.stdout), lasting(output), `${path}:${line} prints`);
  }
}

/** Programs that a section needs and that are not installed; psql needs a server too. */
function absent(blocks: readonly ShellBlock[]): string | false {
  const guests = new Set(blocks.flatMap(({ script }) => guestsOf(script)));
  return missing(...guests) || (guests.has('psql') && lacking(server));
}

test('docs/a-new-sink.md shows exactly the sink that pnpm new makes', () => {
  const page = readFileSync(join(root, 'docs/a-new-sink.md'), 'utf8');
  for (const file of ['index.ts', 'cli.ts']) {
    const text = readFileSync(join(root, 'scripts/new-tool/sink', file), 'utf8');
    assert.ok(page.includes(`\`\`\`ts\n${text}\`\`\`\n`), `${file} is not in docs/a-new-sink.md as it is`);
  }
});

/** Columns of which a view has one row for each value, and the page's words for them. */
const rowOf: Readonly<Record<string, [columns: string, words: string]>> = {
  v_pcrs_postureinfo: ['policyId, hostId, id, currentBatch', 'row of `q_pcrs_postureinfo`'],
  v_pcrs_failed: ['policyId, hostId, id, currentBatch', 'row of `v_pcrs_postureinfo` whose `status`'],
  v_pcrs_hosts: ['hostId', 'host with a posture'],
  v_pcrs_hosts_without_posture: ['policyId, hostId', 'policy and host'],
  v_pcrs_pass_rate: ['policyId, technologyId, criticality_value', 'policy, technology and criticality'],
};

test('docs/columns.md names each view of a database, and what it has a row for', async () => {
  const cwd = place.folder();
  const { status, stderr } = await place.bash(
    `unseen='{"policyId":"5772904","subscriptionId":"263191","hostIds":["1"]}'
    { echo "$unseen"; pcrs-policies -n | pcrs-hostids | pcrs-posture; } | pcrs-to-sqlite all.db`,
    { cwd },
  );
  assert.equal(status, 0, stderr);
  const page = readFileSync(join(root, 'docs/columns.md'), 'utf8');
  const database = new DatabaseSync(join(cwd, 'all.db'), { readOnly: true });
  const number = (sql: string) => Object.values(database.prepare(sql).get()!)[0] as number;
  const names = database.prepare("SELECT name FROM sqlite_master WHERE type = 'view'").all();
  for (const { name } of names) assert.ok(page.includes(`\`${name}\``), `${name}`);
  for (const [view, [columns, words]] of Object.entries(rowOf)) {
    const rows = number(`SELECT count(*) FROM ${view}`);
    assert.ok(rows > 0, view);
    assert.equal(number(`SELECT count(*) FROM (SELECT DISTINCT ${columns} FROM ${view})`), rows, view);
    assert.ok(page.includes(`| \`${view}\` | ${words}`), view);
  }
  database.close();
});

const examples = globSync('docs/examples/*.ts', { cwd: root }).sort();

test('docs/embedding.md shows each example as it is', () => {
  const page = readFileSync(join(root, 'docs/embedding.md'), 'utf8');
  for (const path of examples) {
    const text = readFileSync(join(root, path), 'utf8');
    assert.ok(page.includes(`\`\`\`ts\n${text}\`\`\`\n`), `${path} is not in docs/embedding.md as it is`);
  }
});
