/** The files of a new tool by path, by the house rules: a sentence, a library, a test, a README. */
export function newPackageFiles(name: string, summary: string, version: string): Record<string, string> {
  return {
    'package.json': `${JSON.stringify(manifest(name, summary, version), null, 2)}\n`,
    'tsconfig.json': `{
  "extends": "../../tsconfig.json",
  "include": ["src"],
  "exclude": ["src/**/*.test.ts"]
}
`,
    [`bin/${name}.js`]: bin(name),
    'src/index.ts': library(),
    'src/cli.ts': cli(name, summary),
    'src/index.test.ts': test(),
    'README.md': readme(name, summary),
  };
}

function manifest(name: string, summary: string, version: string): object {
  const door = (file: string) => ({
    'pcrs-source': `./src/${file}.ts`,
    types: `./dist/${file}.d.ts`,
    default: `./dist/${file}.js`,
  });
  return {
    name,
    version,
    description: summary.charAt(0).toUpperCase() + summary.slice(1),
    license: 'MIT',
    type: 'module',
    keywords: ['qualys', 'pcrs', 'policy-compliance', 'posture', 'ndjson'],
    engines: { node: '>=22.19' },
    bin: { [name]: `bin/${name}.js` },
    man: [`man/${name}.1`],
    exports: { '.': door('index'), './cli': door('cli') },
    files: ['bin', 'dist', 'man', 'completions', 'README.md', 'CHANGELOG.md', 'LICENSE'],
    scripts: {
      build: 'tsc -p tsconfig.json',
      prepack: `node --conditions=pcrs-source ../../scripts/manuals.ts ${name}`,
    },
    dependencies: { 'pcrs-cli': 'workspace:*', 'pcrs-records': 'workspace:*' },
    publishConfig: { access: 'public' },
  };
}

function bin(name: string): string {
  return `#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 19)) {
  const { start } = await import('pcrs-cli/start');
  await start(() => import('${name}/cli'));
} else {
  process.stderr.write(\`${name}: this Node is \${process.versions.node}; 22.19 or newer is needed\\n\`);
  process.exitCode = 1;
}
`;
}

function library(): string {
  return `import { recordError } from 'pcrs-records/errors';
import { isObject } from 'pcrs-records/kinds';
import { isBlank, lineBlocks } from 'pcrs-records/lines';

/**
 * The records of a stream as lines, in their order.
 *
 * Takes   an NDJSON stream in any chunking
 * Yields  each record as a line with its line end
 * Throws  PCRS_RECORD for a line that is not a record; what was yielded stands
 */
export async function* passedOn(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  for await (const { firstLine, lines } of lineBlocks(chunks)) {
    for (const [index, line] of lines.entries()) {
      if (isBlank(line)) continue;
      if (!isRecord(line)) throw recordError(firstLine + index, 'a record (a JSON object)', line);
      yield \`\${line}\\n\`;
    }
  }
}

function isRecord(line: string): boolean {
  try {
    return isObject(JSON.parse(line));
  } catch {
    return false;
  }
}
`;
}

function cli(name: string, summary: string): string {
  return `import { defineTool } from 'pcrs-cli/tool';
import { passedOn } from './index.ts';

const flags = {} as const;

export const tool = defineTool({
  name: '${name}',
  summary: ${quoted(summary)},
  pipes: ['pcrs-policies | ${name} | pcrs-to-csv'],
  stdin: 'required',
  flags,
  async main(context) {
    for await (const line of passedOn(context.stdin)) await context.output.write(line);
  },
});
`;
}

function test(): string {
  return `import assert from 'node:assert/strict';
import { test } from 'node:test';
import { passedOn } from './index.ts';

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield Buffer.from(text);
}

test('passes every record on as it came, in any chunking', async () => {
  const lines: string[] = [];
  for await (const line of passedOn(chunks('{"kind":"policy","id":1', '.10}\\n{"kind":"x"}'))) lines.push(line);
  assert.deepEqual(lines, ['{"kind":"policy","id":1.10}\\n', '{"kind":"x"}\\n']);
});

test('refuses a line that is no record, naming it', async () => {
  const all = passedOn(chunks('{"kind":"policy","id":1}\\nnonsense\\n'));
  await assert.rejects(Array.fromAsync(all), { code: 'PCRS_RECORD', message: /^stdin:2: / });
});
`;
}

function readme(name: string, summary: string): string {
  return `# ${name}

${summary.charAt(0).toUpperCase()}${summary.slice(1)}

\`\`\`sh
pcrs-policies | ${name} | jq -r .title | tail -1
\`\`\`

\`\`\`text
\`\`\`

## Reads and writes

Reads any records and writes them as they came.

## Flags

<!-- flags -->
<!-- /flags -->

## Exit status

0 done, also when the reader went away · 2 wrong flags · 3 a bad line.

## Limits of the gateway

None of its own.

## As a library

\`\`\`js
import { passedOn } from '${name}';

for await (const line of passedOn(process.stdin)) process.stdout.write(line);
\`\`\`

## In the pipe

Before it: any stage. After it: any stage or sink.
`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
