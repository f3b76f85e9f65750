// Takes the pictures of a report in docs/pictures: `node scripts/report-pictures.ts report.html`; needs Chromium.
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';
import { root } from './run-program.ts';

const [file = 'demo/report.html'] = process.argv.slice(2);
const folder = join(root, 'docs', 'pictures');
const pictures = {
  report: { viewport: { width: 1280, height: 800 }, colorScheme: 'light' },
  'report-dark': { viewport: { width: 1280, height: 800 }, colorScheme: 'dark' },
  'report-narrow': { viewport: { width: 400, height: 800 }, colorScheme: 'light' },
} as const;

mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env['PCRS_CHROMIUM'] ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
try {
  for (const [name, options] of Object.entries(pictures)) {
    const page = await browser.newPage(options);
    await page.goto(pathToFileURL(resolve(file)).href);
    await page.waitForSelector('html[data-ready]');
    await page.screenshot({ path: join(folder, `${name}.png`) });
  }
} finally {
  await browser.close();
}
