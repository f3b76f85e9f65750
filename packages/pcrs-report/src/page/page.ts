import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { render } from 'preact-render-to-string';
import type { Report } from '../model.ts';
import { body } from './body.ts';
import { embedded } from './embedded.ts';
import { html } from './html.ts';

const read = (name: string) => readFileSync(new URL(`../../page/${name}`, import.meta.url), 'utf8');

/**
 * The whole page: it contains styles, script and data, and may load nothing.
 *
 * Everything around the rendered body is fixed: a frame of ours, and data as base64.
 */
export function pageOf(report: Report): string {
  const [style, script] = [read('report.css'), read('report.js')];
  const policy = `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; base-uri 'none'; form-action 'none'`;
  const head = html`<head>
    <meta charset="utf-8" />
    <meta http-equiv="Content-Security-Policy" content=${policy} />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${titleOf(report)}</title>
  </head>`;
  return [
    '<!doctype html>\n<html lang="en">\n',
    render(head).replace('</head>', () => `<style>${style}</style></head>`),
    `\n${render(body(report))}`,
    `\n<script type="application/octet-stream" id="data">${embedded(report)}</script>`,
    `\n<script>${script}</script>\n</html>\n`,
  ].join('');
}

function titleOf({ head, owner }: Report): string {
  const parts = ['Compliance posture', owner, head.subscription && `subscription ${head.subscription}`];
  return [...parts.filter(Boolean), head.startedAt?.slice(0, 10)].filter(Boolean).join(' · ');
}

function hash(text: string): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
