import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { caseNames, recorded, runCase } from './support/golden-cases.ts';
import { openPlace } from './support/open-place.ts';
import { goldenWorld } from './support/worlds.ts';

const place = await openPlace('golden', goldenWorld);

suite('golden cases (pnpm golden rewrites them; git diff shows what changed)', { concurrency: 2 }, () => {
  for (const name of caseNames()) {
    test(sentence(name), async () => {
      const golden = recorded(name);
      assert.ok(golden, `never recorded; pnpm golden ${name}`);
      assert.deepEqual(await runCase(name, place), golden, `pnpm golden ${name} records what it shows now`);
    });
  }
});

/** `pcrs-hostids/refuses-an-unknown-flag` as a sentence. */
function sentence(name: string): string {
  const [tool, behaviour] = name.split('/') as [string, string];
  return `${tool} ${behaviour.replaceAll('-', ' ')}`;
}
