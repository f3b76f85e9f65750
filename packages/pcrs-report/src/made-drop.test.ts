// A made-up drop of the score in the simulator's world: the page and pcrs-diff explain it, and show nothing else.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openDiff } from 'pcrs-diff';
import { World, type WorldOptions } from 'pcrs-simulator';
import { emptyDirectory, snapshot } from './fixture.test.ts';
import { report } from './index.ts';

/** One day with and without the events on it: nothing else differs. */
function* dayWith(...events: NonNullable<WorldOptions['events']>): Generator<object> {
  const size = { seed: 3, policies: 6, hosts: 40, controls: 15, day: 1 };
  for (const text of new World({ ...size, events }).posture()) yield { kind: 'posture', ...JSON.parse(text) };
}

test('explains a made-up drop: 20 controls added, 5 hosts joined, 3 controls broke, and nothing else', async () => {
  const directory = emptyDirectory();
  // A policy that gains 0 controls is evaluated too, so that both days have the same statuses.
  const old = await snapshot(
    directory,
    20,
    dayWith(
      { kind: 'controls', day: 1, policy: 0, count: 0 },
      { kind: 'controls', day: 1, policy: 1, count: 0 },
      { kind: 'away', day: 1, end: 2, share: 5 },
    ),
  );
  const fresh = await snapshot(
    directory,
    21,
    dayWith(
      { kind: 'controls', day: 1, policy: 0, count: 20 },
      { kind: 'break', day: 1, policy: 1, count: 3 },
    ),
  );
  const diff = await openDiff(old, fresh, {});
  for await (const _ of diff.lines());
  const lines = diff.summaryLines(0);
  const table = diff.summaryTable(0);
  diff.close();
  const reasons = [
    '18 newly failed: 3 controls on 8 hosts',
    '20 controls added to 1 policy: 180 postures',
    '5 hosts joined 4 policies: 190 postures',
  ];
  assert.deepEqual(lines, [
    '18 newly failed, 0 fixed, 0 status changed otherwise, 370 appeared, 0 vanished, 20 controls added, 0 controls removed; of 705 and 1,075 postures',
    'pass rate 74.6077 % before, 74.3902 % now: -0.2175 points',
    `    -1.6886  ${reasons[0]}`,
    `    +0.8152  ${reasons[1]}`,
    `    +0.6559  ${reasons[2]}`,
  ]);
  assert.match(
    table,
    /^ +before +now\ndatabase .*\nrun of .*\npostures +705 +1,075\npass rate +74\.6077 % +74\.3902 %\n\n/,
  );
  assert.equal(
    table.slice(table.indexOf(' points')),
    ` points  why the pass rate changed
-1.6886  ${reasons[0]}
+0.8152  ${reasons[1]}
+0.6559  ${reasons[2]}
-0.2175  in all

changes  newly failed  appeared  controls added
all                18       370              20
`,
  );
  const [, why = ''] = /<table class="why">.*?<tbody>(.*?)<\/tbody>/s.exec((await report(fresh)).html) ?? [];
  const rows = [...why.matchAll(/<td class="num">(.*?)<\/td>.*?<td>([^<]*)<\/td><\/tr>/g)];
  assert.deepEqual(
    rows.map(([, points, reason]) => [points, reason]),
    reasons.map((reason, at) => [['−1.69', '+0.81', '+0.66'][at], reason]),
  );
});
