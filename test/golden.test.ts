import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { caseNames, recorded, runCase } from './support/golden-cases.ts';
import { openPlace } from './support/programs.ts';
import { goldenWorld } from './support/worlds.ts';

const place = await openPlace('golden', goldenWorld);

suite('golden cases (pnpm golden rewrites them; git diff shows what changed)', { concurrency: 2 }, () => {
  for (const name of caseNames()) {
    test(name.replace('/', ' ').replaceAll(/-(?=[a-z-]*$)/g, '-'), async () => {
      const golden = recorded(name);
      assert.ok(golden, `never recorded; pnpm golden ${name}`);
      assert.deepEqual(await runCase(name, place), golden, `pnpm golden ${name} records what it shows now`);
    });
  }
});
