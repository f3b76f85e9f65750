import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { noOutcomes } from 'pcrs-database/pass-rate';
import { type Browser, chromium, type Page } from 'playwright-core';
import { emptyDirectory, posture, snapshot } from './fixture.test.ts';
import { report } from './index.ts';
import type { Report } from './model.ts';
import { pageOf } from './page/page.ts';

const executablePath = [
  process.env['PCRS_CHROMIUM'],
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => path !== undefined && existsSync(path));
const inBrowser = { skip: executablePath === undefined ? 'there is no Chromium' : false };

let browser: Browser | undefined;
before(async () => {
  if (executablePath === undefined) return;
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
});
after(() => browser?.close());

test('a browser ran these tests', { skip: process.env['CI'] ? false : 'asked in CI only' }, () => {
  assert.ok(executablePath, 'install chromium, or name one in PCRS_CHROMIUM');
});

interface Opened {
  page: Page;
  /** Console errors and warnings, dialogs, and requests for anything but the file. */
  trouble: string[];
}

/** Opens a page from a file, as a person would. */
async function open(
  html: string,
  options: { width?: number; colorScheme?: 'light' | 'dark' } = {},
): Promise<Opened> {
  const path = join(emptyDirectory(), 'report.html');
  writeFileSync(path, html);
  const page = await browser!.newPage({
    viewport: { width: options.width ?? 1280, height: 800 },
    colorScheme: options.colorScheme ?? 'light',
  });
  const url = pathToFileURL(path).href;
  const trouble: string[] = [];
  page.on('console', (message) => trouble.push(`console: ${message.text()}`));
  page.on('pageerror', (error) => trouble.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => {
    trouble.push(`dialog: ${dialog.message()}`);
    void dialog.dismiss();
  });
  page.on('request', (request) => {
    if (request.url() !== url) trouble.push(`request: ${request.url()}`);
  });
  await page.goto(url);
  await page.waitForSelector('html[data-ready]');
  return { page, trouble };
}

const hostile = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(2)>',
  '</script><script>alert(3)</script>',
  '<!-- <script>',
  '${alert(4)} {{constructor.constructor("alert(5)")()}}',
  `" onmouseover="alert(6)" x='`,
  '</title></style><svg onload=alert(7)>',
  'javascript:alert(8)',
  'exe\u202egnp.\u2066x',
  'nul\u0000 bell\u0007 \u2028 &lt;b&gt;',
];

/** Records with hostile text everywhere. */
function hostileRecords(status: string) {
  return hostile.map((text, at) =>
    posture({
      ...{ policyId: at + 1, hostId: at + 1, controlId: at + 1, status },
      ...{
        policyTitle: text,
        controlStatement: text,
        rationale: text,
        remediation: text,
        controlReference: text,
      },
      ...{ dns: text, os: text, technology: { id: 331, name: text }, criticality: { label: text, value: 5 } },
      evidence: { expectedValues: text, currentValues: [text] },
    }),
  );
}

test('hostile titles, hosts and evidence stay text, and no request leaves', inBrowser, async () => {
  const directory = emptyDirectory();
  await snapshot(directory, 20, hostileRecords('Passed'));
  const path = await snapshot(directory, 21, hostileRecords('Failed'));
  const { page, trouble } = await open((await report(path, { evidence: true })).html);
  const closed = page.locator('#controls tbody button[aria-expanded="false"]');
  for (let left = await closed.count(); left > 0; left -= 1) await closed.first().click();
  assert.equal(await page.locator('#controls tr.opened').count(), hostile.length);
  assert.deepEqual(trouble, []);
  const made = await page.evaluate(() => ({
    scripts: document.querySelectorAll('script').length,
    images: document.querySelectorAll('img, iframe, object, embed, link').length,
    handlers: [...document.querySelectorAll('*')].filter(({ attributes }) =>
      [...attributes].some(({ name }) => /^on|^style$/.test(name)),
    ).length,
    hidden: /[\u202a-\u202e\u2066-\u2069\u0007]/.test(document.body.innerText),
    text: document.body.innerText,
  }));
  assert.deepEqual({ ...made, text: '' }, { scripts: 2, images: 0, handlers: 0, hidden: false, text: '' });
  for (const text of hostile.slice(0, 8)) assert.ok(made.text.includes(text), text);
  await page.close();
});

/** Sixty controls on forty hosts over three policies, and the previous run, in which less failed. */
async function pair(): Promise<string> {
  const directory = emptyDirectory();
  const records = (limit: number) =>
    Array.from({ length: 2400 }, (_, at) => {
      const [hostId, controlId] = [(at % 40) + 1, Math.floor(at / 40) + 1];
      const status = (hostId * controlId) % 10 < limit ? 'Failed' : 'Passed';
      return posture({
        policyId: (controlId % 3) + 1,
        hostId,
        controlId,
        status,
        firstFailDate: `2026-0${(controlId % 9) + 1}-01T00:00:00Z`,
      });
    });
  await snapshot(directory, 20, records(2));
  return snapshot(directory, 21, records(3));
}

const html = async () => (await report(await pair())).html;

test(
  'the first screen holds verdict, age, pass rate, its change and why, and ten controls',
  inBrowser,
  async () => {
    const { page, trouble } = await open(await html());
    const box = async (selector: string) => (await page.locator(selector).last().boundingBox())!;
    for (const selector of ['.mark', '#age', '.figure', '.change b', 'table.why tr', '.fix tbody tr']) {
      const { y, height } = await box(selector);
      assert.ok(y >= 0 && y + height <= 800, `${selector} ends at ${y + height}`);
    }
    assert.equal(await page.locator('.fix tbody tr').count(), 10);
    assert.match(await page.locator('#age').innerText(), /old/);
    assert.match(await page.locator('.change').innerText(), /^−\d+\.\d\d points since/);
    assert.deepEqual(trouble, []);
    await page.close();
  },
);

test('nothing is wider than a screen of 400 pixels', inBrowser, async () => {
  const { page } = await open(await html(), { width: 400 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth));
  await page.close();
});

for (const colorScheme of ['light', 'dark'] as const) {
  test(`axe finds nothing wrong, ${colorScheme}`, inBrowser, async () => {
    const { page } = await open(await html(), { colorScheme });
    await page.locator('#controls tbody button').first().click();
    await page.locator('#hosts tbody button').first().click();
    // The page allows no scripts; the debugger's own evaluation is exempt.
    await page.evaluate(axeSource);
    const violations = await page.evaluate(async () => {
      // biome-ignore lint/suspicious/noExplicitAny: axe puts itself there
      const { violations } = await (globalThis as any).axe.run();
      return violations.map((one: { id: string; impact: string; nodes: { html: string }[] }) => [
        one.id,
        one.impact,
        one.nodes[0]?.html,
      ]);
    });
    assert.deepEqual(violations, []);
    await page.close();
  });
}

const axeSource = (createRequire(import.meta.url)('axe-core') as { source: string }).source;

test('sorts by mouse and keyboard, filters by several words, and opens rows', inBrowser, async () => {
  const { page, trouble } = await open(await html());
  const column = async (number: number) =>
    page.locator(`#controls tbody tr > :nth-child(${number})`).allInnerTexts();
  const numbers = (texts: string[]) => texts.map(Number);
  await page.click('#controls thead button:text("Hosts")');
  const down = numbers(await column(4));
  assert.deepEqual(
    down,
    [...down].sort((a, b) => b - a),
  );
  await page.focus('#controls thead button:text("Hosts")');
  await page.keyboard.press('Enter');
  const up = numbers(await column(4));
  assert.deepEqual(
    up,
    [...up].sort((a, b) => a - b),
  );
  assert.equal(await page.getAttribute('#controls thead th:nth-child(4)', 'aria-sort'), 'ascending');

  await page.fill('#failures input', 'host-7.example setting 30');
  const found = await page.locator('#failures tbody tr').allInnerTexts();
  assert.ok(
    found.length > 0 && found.every((row) => row.includes('host-7.example') && row.includes('setting 30')),
    `${found}`,
  );
  await page.fill('#failures input', 'no such host');
  assert.match(await page.locator('#failures .found').innerText(), /^0 of /);

  await page.focus('#hosts tbody button');
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('#hosts tbody button').first().getAttribute('aria-expanded'), 'true');
  assert.ok((await page.locator('#hosts tr.opened tbody tr').count()) > 0);
  assert.equal(await page.evaluate(() => document.activeElement?.getAttribute('aria-expanded')), 'true');

  const [name] = await page.locator('.fix tbody a').first().allInnerTexts();
  await page.locator('.fix tbody a').first().click();
  assert.equal(await page.locator('#controls tr:has(+ tr.opened) button').innerText(), name);
  assert.deepEqual(trouble, []);
  await page.close();
});

test('100,000 failures open within 3 s and filter within 200 ms', inBrowser, async () => {
  const html = pageOf(large());
  assert.ok(html.length < 10_000_000, `${html.length} bytes`);
  // Other programs slow down one try, seldom all three.
  const openings = [await open(html), await open(html), await open(html)];
  const openMs = Math.min(...(await Promise.all(openings.map(({ page }) => readyMs(page)))));
  const { page, trouble } = openings[2]!;
  const filterMs = await page.evaluate(() => {
    const input = document.querySelector<HTMLInputElement>('#failures input')!;
    const times = ['host-77', 'host-77 setting', 'setting 9 host-1', '', 'zzz'].map((text) => {
      const start = performance.now();
      input.value = text;
      input.dispatchEvent(new Event('input'));
      return performance.now() - start;
    });
    return times.sort((a, b) => a - b)[2]!;
  });
  assert.ok(openMs < 3000, `opens in ${openMs} ms`);
  assert.ok(filterMs < 200, `filters in ${filterMs} ms`);
  assert.deepEqual(trouble, []);
  await page.close();
});

/** Time from the start of loading until the tables are filled. */
function readyMs(page: Page): Promise<number> {
  return page.evaluate(() => performance.getEntriesByName('ready')[0]!.startTime);
}

/** A report of 100,000 failures of 500 controls on 5,000 hosts. */
function large(): Report {
  const outcomes = { ...noOutcomes(), passed: 300_000, failed: 100_000 };
  const criticality = { label: 'URGENT', value: 5 };
  const texts = {
    rationale: 'x'.repeat(800),
    remediation: 'y'.repeat(800),
    reference: '',
    technologies: [],
    policies: [],
  };
  const group = (name: string) => ({ name, value: 5, outcomes });
  return {
    head: {
      ...{ database: 'posture.db', subscription: '1', gateway: 'https://gateway.example', runId: null },
      ...{
        startedAt: '2026-11-20T05:30:00Z',
        incomplete: undefined,
        missing: [],
        scope: 'all policies',
        base: 'full',
      },
      ...{ fullRunAt: null, postures: 400_000, hosts: 5000, policies: 40 },
    },
    outcomes,
    before: undefined,
    criticalities: [group('URGENT')],
    technologies: [group('Windows 11')],
    policies: Array.from({ length: 40 }, (_, at) => ({ ...group(`Policy ${at}`), id: `${at}`, hosts: 100 })),
    owners: [],
    controls: Array.from({ length: 500 }, (_, at) => ({
      ...{
        id: `${at}`,
        statement: `Status of the setting ${at}`,
        criticality,
        outcomes,
        hosts: 200,
        policies: 1,
      },
      ...{ oldest: { days: at, atMost: false }, texts },
    })),
    failing: 500,
    hosts: Array.from({ length: 5000 }, (_, at) => ({
      ...{
        id: `${at}`,
        name: `host-${at}.example`,
        os: 'Windows 11',
        outcomes,
        severe: 20,
        lastScan: '2026-11-19',
        owner: '',
      },
    })),
    failures: Array.from({ length: 100_000 }, (_, at) => ({
      ...{
        control: Math.floor(at / 200),
        host: (at * 7919) % 5000,
        policy: at % 40,
        rowid: at,
        values: undefined,
      },
      age: { days: at % 900, atMost: at % 5 === 0 },
    })),
    failuresInAll: 250_000,
    ...{
      changes: [],
      changesInAll: 0,
      gaps: [],
      gapsInAll: 0,
      trend: [],
      agesBy: 'gateway',
      level: 'full',
      owner: undefined,
    },
  };
}
