// Records the present output of the golden cases: all, or those whose name starts with an argument (`pcrs-hostids/`).
// `git diff test/cases` then shows what changed.
import { isDeepStrictEqual } from 'node:util';
import { caseNames, record, recorded, runCase } from '../test/support/golden-cases.ts';
import { makePlace } from '../test/support/programs.ts';
import { goldenWorld } from '../test/support/worlds.ts';

const prefixes = process.argv.slice(2);
const names = (prefixes.length === 0 ? [''] : prefixes).flatMap((prefix) => caseNames(prefix));
if (names.length === 0) {
  process.stderr.write(`no case begins with ${prefixes.join(' or ')}; they are in test/cases\n`);
  process.exitCode = 2;
}
const place = await makePlace('golden', goldenWorld);
try {
  for (const name of names) {
    const before = recorded(name);
    const now = await runCase(name, place);
    if (isDeepStrictEqual(before, now)) continue;
    if (/^ {4}at |: a bug: /m.test(now.stderr)) {
      process.stderr.write(`not recorded, since it crashes: test/cases/${name}\n`);
      process.exitCode = 1;
      continue;
    }
    record(name, now);
    process.stdout.write(`${before ? 'changed' : 'new'}: test/cases/${name}\n`);
  }
} finally {
  await place.close();
}
process.stdout.write(`${names.length} cases; git diff test/cases shows what changed\n`);
