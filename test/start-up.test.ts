import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

// Each loaded module costs a tool at least half a millisecond of start-up.

const root = join(import.meta.dirname, '..');
const folder = mkdtempSync(join(tmpdir(), 'pcrs-start-up-'));
after(() => rmSync(folder, { recursive: true }));

const tools = ['auth', 'policies', 'hostids', 'posture', 'to-sqlite', 'to-csv', 'etl', 'diff', 'status'];

/** The files that a tool loads, below the repository, and the modules of Node (`node:…`). */
function loadedBy(tool: string, argv: readonly string[]): string[] {
  const list = join(folder, `${tool}.txt`);
  const watch = `
    import { appendFileSync, writeFileSync } from 'node:fs';
    import { registerHooks } from 'node:module';
    writeFileSync(${JSON.stringify(list)}, '');
    registerHooks({
      load(url, context, next) {
        appendFileSync(${JSON.stringify(list)}, url + '\\n');
        return next(url, context);
      },
    });`;
  const bin = join(root, 'packages', tool, 'bin', `${tool}.js`);
  const hook = `data:text/javascript,${encodeURIComponent(watch)}`;
  const { status, stderr } = spawnSync(
    process.execPath,
    ['--conditions=pcrs-source', '--import', hook, bin, ...argv],
    {
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
  return readFileSync(list, 'utf8').trim().split('\n');
}

for (const tool of tools.map((name) => `pcrs-${name}`)) {
  test(`${tool} --help loads flags and their parser, and nothing that does the work`, () => {
    const loaded = loadedBy(tool, ['--help']);
    const found = (pattern: RegExp) => loaded.filter((url) => pattern.test(url));
    assert.ok(found(/yargs-parser/).length > 0, loaded.join('\n'));
    assert.deepEqual(
      found(
        /undici|better-sqlite3|csv-stringify|ndjson|pcrs-gateway|cli-main|node:(?:child_process|crypto|http|net|tls|zlib)$/,
      ),
      [],
    );
  });
}
