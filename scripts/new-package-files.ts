import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './run-program.ts';

/** Kinds of tool; the code of each is in scripts/new-tool/. */
export const toolKinds = ['stage', 'sink', 'source'] as const;
export type ToolKind = (typeof toolKinds)[number];

/** A tool to make. */
export interface NewTool {
  name: string;
  kind: ToolKind;
  /** Its sentence; default: that of the template. */
  summary: string | undefined;
}

/** A kind's allowed imports, and the text of its README. */
interface Shape {
  library: readonly string[];
  summary: string;
  /** The first example; the tests run it. */
  example: string;
  reads: string;
  statuses: string;
  use: (pascal: string, camel: string) => string;
  neighbours: string;
}

const shapes: Readonly<Record<ToolKind, Shape>> = {
  stage: {
    library: ['pcrs-records'],
    summary: 'passes records on.',
    example: 'pcrs-policies | NAME | jq -r .title | tail -1',
    reads: 'Reads any records and writes them as they came.',
    statuses: '0 done, also when the reader went away · 2 wrong flags · 3 a bad line',
    use: () =>
      "import { passedOn } from 'NAME';\n\nfor await (const line of passedOn(process.stdin)) process.stdout.write(line);",
    neighbours: 'Before it: any stage. After it: any stage or sink.',
  },
  sink: {
    library: ['pcrs-records', 'pcrs-sink'],
    summary: 'writes a line for each posture.',
    example:
      "pcrs-policies | pcrs-hostids | pcrs-posture | NAME | jq -r '.[2]' | sort | uniq -c | sort -rn | awk '{ print $2 }' | head -1",
    reads: 'Reads any records; writes a JSON array a line: host, control, status, criticality.',
    statuses:
      '0 done, also when the reader went away · 2 wrong flags · 3 a bad line · 6 the run is incomplete · 7 no record came',
    use: (pascal) =>
      `import { to${pascal} } from 'NAME';\n\nfor await (const lines of to${pascal}(process.stdin)) process.stdout.write(lines);`,
    neighbours: 'Before it: any stage or source.',
  },
  source: {
    library: ['pcrs-records'],
    summary: 'writes the policies of a JSON file as a run.',
    example: `echo '[{"id":1,"title":"DISA"}]' > policies.json\nNAME policies.json | jq -r 'select(.kind == "policy") | .title'`,
    reads: 'Reads a JSON array of policies; writes a run of `policy` records.',
    statuses: '0 done, also when the reader went away · 2 wrong flags · 3 the file is something else',
    use: (_, camel) =>
      `import { ${camel}Policies } from 'NAME';\n\nfor (const { lines } of ${camel}Policies('policies.json')) process.stdout.write(lines);`,
    neighbours: 'After it: any stage or sink.',
  },
};

/** Packages that a kind's library imports. */
export function libraryOf(kind: ToolKind): readonly string[] {
  return shapes[kind].library;
}

/** The files of a new tool by path, by the house rules: a sentence, a library, a test, a README. */
export function newPackageFiles(tool: NewTool, version: string): Record<string, string> {
  const { name, kind } = tool;
  return {
    'package.json': `${JSON.stringify(manifest(tool, version), null, 2)}\n`,
    'tsconfig.json': `{
  "extends": "../../tsconfig.json",
  "include": ["src"],
  "exclude": ["src/**/*.test.ts"]
}
`,
    [`bin/${name}.js`]: bin(name),
    ...Object.fromEntries(
      ['index.ts', 'cli.ts', 'index.test.ts'].map((file) => [`src/${file}`, code(tool, file)]),
    ),
    'README.md': readme(tool, shapes[kind]),
  };
}

/** `pcrs-to-case-files`: CaseFiles. */
function pascalOf(name: string): string {
  const words = name.replace(/^pcrs-(to-|from-)?/, '').split('-');
  return words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join('');
}

function camelOf(name: string): string {
  const pascal = pascalOf(name);
  return pascal.charAt(0).toLowerCase() + pascal.slice(1);
}

function code({ name, kind, summary }: NewTool, file: string): string {
  const text = readFileSync(join(root, 'scripts', 'new-tool', kind, file), 'utf8')
    .replaceAll('pcrs-thing', name)
    .replaceAll('Thing', pascalOf(name))
    .replaceAll('thing', camelOf(name));
  return summary === undefined
    ? text
    : text.replace(/^ {2}summary: .*$/m, () => `  summary: ${quoted(summary)},`);
}

function manifest({ name, kind, summary }: NewTool, version: string): object {
  const door = (file: string) => ({
    'pcrs-source': `./src/${file}.ts`,
    types: `./dist/${file}.d.ts`,
    default: `./dist/${file}.js`,
  });
  const imported = ['pcrs-cli', ...libraryOf(kind)].filter(
    (one) => kind !== 'sink' || one !== 'pcrs-records',
  );
  return {
    name,
    version,
    description: capital(summary ?? shapes[kind].summary),
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
    dependencies: Object.fromEntries(imported.map((one) => [one, 'workspace:*'])),
    publishConfig: { access: 'public' },
  };
}

function bin(name: string): string {
  return readFileSync(join(root, 'packages', 'pcrs-to-csv', 'bin', 'pcrs-to-csv.js'), 'utf8').replaceAll(
    'pcrs-to-csv',
    name,
  );
}

function readme({ name, summary }: NewTool, shape: Shape): string {
  const text = `# NAME

${capital(summary ?? shape.summary)}

\`\`\`sh
${shape.example}
\`\`\`

\`\`\`text
\`\`\`

## Reads and writes

${shape.reads}

## Flags

<!-- flags -->
<!-- /flags -->

## Exit status

${shape.statuses}.

## Limits of the gateway

None of its own.

## As a library

\`\`\`js
${shape.use(pascalOf(name), camelOf(name))}
\`\`\`

## In the pipe

${shape.neighbours}
`;
  return text.replaceAll('NAME', name);
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
