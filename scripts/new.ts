// Makes a new tool that already passes: `pnpm new pcrs-to-thing --kind sink ["does a thing to posture records."]` writes the
// package, registers it everywhere a package must be named, and links it.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { libraryOf, type NewTool, newPackageFiles, type ToolKind, toolKinds } from './new-package-files.ts';
import { root, runProgram } from './run-program.ts';

const { values, positionals } = parseArgs({
  options: {
    kind: { type: 'string', default: 'stage' },
    'no-install': { type: 'boolean', default: false },
  },
  allowPositionals: true,
});
const [name = '', summary] = positionals;
const kind = toolKinds.find((one) => one === values.kind);

if (kind === undefined || !/^pcrs-[a-z][a-z0-9-]*$/.test(name))
  fail(`usage: pnpm new pcrs-NAME --kind ${toolKinds.join('|')} ["one sentence."]`);
else if (existsSync(join(root, 'packages', name))) fail(`packages/${name} is there already`);
else await make({ name, kind, summary });

async function make(tool: NewTool): Promise<void> {
  const { version } = JSON.parse(read('packages/pcrs-cli/package.json'));
  const files = newPackageFiles(tool, version);
  for (const [path, text] of Object.entries(files)) {
    const file = join(root, 'packages', name, path);
    mkdirSync(join(file, '..'), { recursive: true });
    writeFileSync(file, text);
  }
  copyFileSync(join(root, 'LICENSE'), join(root, 'packages', name, 'LICENSE'));
  const helpCase = join(root, 'test', 'cases', name, 'prints-its-help');
  mkdirSync(helpCase, { recursive: true });
  writeFileSync(join(helpCase, 'cmd'), `${name} --help\n`);
  nameEverywhere(tool.kind);
  nameInUmbrella(files[`bin/${name}.js`]!);
  tell(
    `written: packages/${name}, test/cases/${name}; named in package.json, .changeset/config.json, test/house.test.ts, pcrs-cli/suite, pcrs`,
  );
  if (values['no-install']) return;
  const { packageManager } = JSON.parse(read('package.json'));
  const steps: [string, ...string[]][] = [
    ['npx', '--yes', packageManager, 'install', '--no-frozen-lockfile'],
    ['biome', 'check', '--write', `packages/${name}`, 'package.json', '.changeset', 'packages/pcrs'],
    [process.execPath, '--conditions=pcrs-source', 'scripts/readme.ts', name],
    [process.execPath, '--conditions=pcrs-source', 'scripts/golden.ts', name],
  ];
  for (const [command, ...args] of steps) {
    process.exitCode = await runProgram(command, args);
    if (process.exitCode !== 0) return;
  }
  tell(`try: pnpm test:source ${name}; then write its src/index.ts and README.md`);
}

function nameEverywhere(kind: ToolKind): void {
  const library = libraryOf(kind).map((one) => `'${one}'`);
  edit('package.json', (text) => {
    const manifest = JSON.parse(text);
    manifest.devDependencies[name] = 'workspace:*';
    manifest.devDependencies = Object.fromEntries(Object.entries(manifest.devDependencies).sort());
    return `${JSON.stringify(manifest, null, 2)}\n`;
  });
  edit('.changeset/config.json', (text) => {
    const config = JSON.parse(text);
    config.fixed[0] = [...config.fixed[0], name].sort();
    return `${JSON.stringify(config, null, 2)}\n`;
  });
  edit('test/house.test.ts', (text) =>
    text
      .replace(/^(const suiteTools = \[\n)/m, (list) => `${list}  '${name}',\n`)
      .replace(
        /^(const imports: [^\n]+\{\n)/m,
        (table) =>
          `${table}  '${name}': { library: [${library.join(', ')}], cli: ['pcrs-cli', 'pcrs-records'] },\n`,
      ),
  );
  edit('packages/pcrs-cli/src/suite.ts', (text) =>
    text.replace(/^(export const suiteTools = \[\n)/m, (list) => `${list}  '${name}',\n`),
  );
}

/** Makes `pcrs` list the tool and provide its bin. */
function nameInUmbrella(bin: string): void {
  const file = join(root, 'packages', 'pcrs', 'bin', `${name}.js`);
  writeFileSync(file, bin, { mode: 0o755 });
  edit('packages/pcrs/package.json', (text) => {
    const manifest = JSON.parse(text);
    manifest.bin[name] = `bin/${name}.js`;
    manifest.man.push(`man/${name}.1`);
    manifest.dependencies[name] = 'workspace:*';
    return `${JSON.stringify(manifest, null, 2)}\n`;
  });
  edit('packages/pcrs/src/index.ts', (text) =>
    text.replace(
      /^(export const loads = \{\n[^}]*)/m,
      (list) => `${list}  '${name}': () => import('${name}/cli'),\n`,
    ),
  );
}

function edit(path: string, change: (text: string) => string): void {
  const text = read(path);
  const changed = change(text);
  if (changed === text) throw new Error(`${path}: found no place for ${name}`);
  writeFileSync(join(root, path), changed);
}

function read(path: string): string {
  return readFileSync(join(root, path), 'utf8');
}

function tell(what: string): void {
  process.stdout.write(`${what}\n`);
}

function fail(why: string): void {
  process.stderr.write(`${why}\n`);
  process.exitCode = 2;
}
