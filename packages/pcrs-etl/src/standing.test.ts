import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { freeBytes } from 'pcrs-machine/file-system';
import type { Session } from 'pcrs-records/kinds';
import { seriesOf } from './series.ts';
import { type Held, requireSameGateway, requireSameScope, requireSpace } from './standing.ts';

const root = mkdtempSync(join(tmpdir(), 'pcrs-standing-'));
after(() => rmSync(root, { recursive: true }));
const series = seriesOf(root, 'emea');

const latest: Held = {
  gateway: 'https://g.example',
  scope: { gateway: 'https://g.example', flags: {}, beganFiltered: false },
  isUnreadable: false,
};
const session = (gateway: string): Session => ({
  kind: 'session',
  ...{
    runId: 'r',
    gateway,
    username: 'u',
    tokenFile: null,
    expiresAt: null,
    startedAt: '2026-11-23T03:00:00Z',
  },
});

test('demands space for twice the last snapshot, and says how much', () => {
  requireSpace(series);
  writeFileSync(series.latest('.db'), '');
  requireSpace(series);
  const free = freeBytes(root) ?? 0;
  // A sparse file: it takes no space itself.
  truncateSync(series.latest('.db'), Math.floor(free * 0.75));
  assert.throws(() => requireSpace(series), {
    code: 'PCRS_MACHINE',
    message: /MB free, but a run needs .* MB/,
  });
  rmSync(series.latest('.db'));
});

test('refuses another scope or gateway by name, unless rescoped', () => {
  const narrow = { 'pcrs-policies --title': 'PCI' };
  requireSameScope(latest, series, {}, false);
  requireSameScope(latest, series, narrow, true);
  requireSameScope(undefined, series, narrow, false);
  assert.throws(() => requireSameScope(latest, series, narrow, false), {
    code: 'PCRS_USAGE',
    message: 'latest_emea.db holds all policies; this run has --title PCI: give it --name, or --rescope',
  });
  requireSameGateway(latest, series, session('https://G.example/'), false);
  assert.throws(() => requireSameGateway(latest, series, session('https://other.example'), false), {
    code: 'PCRS_USAGE',
    message: /latest_emea\.db is of https:\/\/g\.example; this run asks https:\/\/other\.example/,
  });
});
