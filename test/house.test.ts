import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { test } from 'node:test';
import { root } from '../scripts/run-program.ts';

/**
 * Who may import whom: house rule and data at once. A library's files are all of `src` except `cli.ts` and
 * `cli-*.ts`.
 */
interface Rule {
  library: readonly string[];
  /** Packages in `library` of which only types may be imported. */
  typesOnly?: readonly string[];
  thirdParty?: readonly string[];
  /** Further imports allowed in `cli.ts`; undefined without a bin. */
  cli?: readonly string[];
  /** Run as programs: dependencies that no file imports. */
  programs?: readonly string[];
}

/** Every tool but `pcrs`, which provides all their bins. */
const suiteTools = [
  'pcrs-to-parquet',
  'pcrs-from-history',
  'pcrs-to-history',
  'pcrs-to-ocsf',
  'pcrs-to-postgres',
  'pcrs-from-sqlite',
  'pcrs-report',
  ...['pcrs-auth', 'pcrs-policies', 'pcrs-hostids', 'pcrs-posture', 'pcrs-to-sqlite', 'pcrs-to-csv'],
  ...['pcrs-etl', 'pcrs-diff', 'pcrs-status', 'pcrs-simulator'],
];
const stage: Rule = { library: ['pcrs-records', 'pcrs-json', 'pcrs-gateway'], cli: ['pcrs-cli'] };
const imports: Readonly<Record<string, Rule>> = {
  'pcrs-to-parquet': {
    library: ['pcrs-records', 'pcrs-sink', 'pcrs-machine'],
    thirdParty: ['hyparquet-writer'],
    cli: ['pcrs-cli'],
  },
  'pcrs-from-history': { library: ['pcrs-records', 'pcrs-database'], cli: ['pcrs-cli'] },
  'pcrs-to-history': { library: ['pcrs-records', 'pcrs-sink', 'pcrs-database'], cli: ['pcrs-cli'] },
  'pcrs-to-ocsf': { library: ['pcrs-records', 'pcrs-sink'], cli: ['pcrs-cli'] },
  'pcrs-to-postgres': {
    library: ['pcrs-records', 'pcrs-sink'],
    thirdParty: ['pg', 'pg-connection-string', 'pg-copy-streams', 'pgpass'],
    cli: ['pcrs-cli'],
  },
  'pcrs-from-sqlite': { library: ['pcrs-records', 'pcrs-database'], cli: ['pcrs-cli'] },
  'pcrs-records': { library: [] },
  'pcrs-machine': { library: [] },
  'pcrs-json': { library: [] },
  'pcrs-gateway': { library: ['pcrs-json', 'pcrs-machine', 'pcrs-records'], thirdParty: ['undici'] },
  'pcrs-cli': { library: ['pcrs-records', 'pcrs-json'], thirdParty: ['yargs', 'yargs-parser', 'ndjson'] },
  'pcrs-sink': { library: ['pcrs-records', 'pcrs-json'] },
  'pcrs-database': { library: ['pcrs-records', 'pcrs-machine'], thirdParty: ['better-sqlite3'] },
  'pcrs-auth': stage,
  'pcrs-policies': stage,
  'pcrs-hostids': stage,
  'pcrs-posture': stage,
  'pcrs-to-sqlite': {
    library: ['pcrs-records', 'pcrs-sink', 'pcrs-database', 'pcrs-machine'],
    cli: ['pcrs-cli'],
  },
  'pcrs-to-csv': { library: ['pcrs-records', 'pcrs-sink', 'pcrs-machine'], cli: ['pcrs-cli'] },
  'pcrs-etl': {
    library: ['pcrs-cli', 'pcrs-records', 'pcrs-machine', 'pcrs-database'],
    programs: [
      ...['pcrs-auth', 'pcrs-policies', 'pcrs-hostids', 'pcrs-posture', 'pcrs-to-sqlite'],
      ...['pcrs-from-sqlite', 'pcrs-to-csv', 'pcrs-to-history', 'pcrs-report'],
    ],
  },
  'pcrs-report': {
    library: ['pcrs-records', 'pcrs-database', 'pcrs-machine'],
    thirdParty: ['csv-parse', 'd3-scale', 'd3-shape', 'htm', 'preact', 'preact-render-to-string'],
    cli: ['pcrs-cli', 'pcrs-machine'],
  },
  'pcrs-diff': { library: ['pcrs-records', 'pcrs-database', 'pcrs-machine'], cli: ['pcrs-cli'] },
  'pcrs-status': { library: ['pcrs-records', 'pcrs-database', 'pcrs-machine'], cli: ['pcrs-cli'] },
  pcrs: { library: [...suiteTools, 'pcrs-database'], cli: ['pcrs-cli', 'pcrs-records'] },
  'pcrs-simulator': { library: ['pcrs-records'], typesOnly: ['pcrs-records'], cli: ['pcrs-cli'] },
};

/** Where a package may use its own process besides `pcrs-cli`, which names, and why. */
const processElsewhere: Readonly<Record<string, { names: readonly string[]; why: string }>> = {
  'packages/pcrs-machine/src/process-alive.ts': {
    names: ['kill', 'pid'],
    why: 'a lock tells whether its holder lives; signal 0 is how the system says it',
  },
  'packages/pcrs-machine/src/modes.ts': {
    names: ['umask'],
    why: '--group-readable is stronger than a umask of 077, the usual one of services',
  },
};

const forbiddenNames = ['utils', 'util', 'helpers', 'helper', 'common', 'core', 'shared', 'misc', 'types'];
const sourceLineLimit = 300;
/** Files longer than the limit, each with its reason. */
const argued: Readonly<Record<string, string>> = {};

interface Manifest {
  name: string;
  version: string;
  private?: boolean;
  license?: string;
  type?: string;
  engines?: Record<string, string>;
  files?: string[];
  man?: string[];
  scripts?: Record<string, string>;
  bin?: Record<string, string>;
  exports?: Record<string, Record<string, string>>;
  dependencies?: Record<string, string>;
  devDependencies?: Record<string, string>;
  publishConfig?: { access?: string };
}

const packages = readdirSync(join(root, 'packages')).filter((name) =>
  existsSync(join(root, 'packages', name, 'package.json')),
);

const manifest = (name: string): Manifest => JSON.parse(read(`packages/${name}/package.json`));
const read = (path: string): string => readFileSync(join(root, path), 'utf8');
const files = (pattern: string): string[] => globSync(pattern, { cwd: root }).sort();
const isTest = (path: string): boolean => path.endsWith('.test.ts');
const sources = (name: string): string[] =>
  files(`packages/${name}/src/**/*.ts`).filter((path) => !isTest(path));

interface Import {
  from: string;
  typeOnly: boolean;
}

/** The imports of a file: static, dynamic and re-exported. */
function importsOf(path: string): Import[] {
  const code = read(path);
  const found: Import[] = [];
  const statement = /^(?:import|export)\s+(type\s+)?(?:[^'"`;]*?\s+from\s+)?'([^']+)'/gms;
  for (const [, type, from] of code.matchAll(statement))
    found.push({ from: from!, typeOnly: type !== undefined });
  for (const [, from] of code.matchAll(/\bimport\(\s*'([^']+)'/g))
    found.push({ from: from!, typeOnly: false });
  return found;
}

/** `pcrs-gateway/elements` → `pcrs-gateway`; `@scope/name/x` → `@scope/name`. */
const packageOf = (from: string): string => from.split('/', from.startsWith('@') ? 2 : 1).join('/');
const isOutside = (from: string): boolean => !from.startsWith('.') && !from.startsWith('node:');

/** A file's code with comments and strings blanked, so that only names are left. */
function codeOnly(path: string): string {
  return read(path)
    .replace(/\/\*[\s\S]*?\*\//g, '')
    .replace(/(^|[^:'"`\\])\/\/.*$/gm, '$1')
    .replace(/'(?:[^'\\\n]|\\.)*'/g, "''");
}

const wrongs = (all: Iterable<string>): void => {
  const found = [...all];
  assert.equal(found.length, 0, `\n  ${found.join('\n  ')}`);
};

test('the import table names every package', () => {
  assert.deepEqual(Object.keys(imports).sort(), [...packages].sort());
});

test('packages import only what the table allows them', () => {
  wrongs(packages.flatMap((name) => sources(name).flatMap((path) => forbiddenImports(name, path))));
});

function forbiddenImports(name: string, path: string): string[] {
  const { library, typesOnly = [], thirdParty = [], cli } = imports[name]!;
  // cli.ts, and what it loads only when it has work to do
  const isCli = new RegExp(`^packages/${name}/src/cli(-\\w+)?\\.ts$`).test(path);
  const allowed = [...library, ...thirdParty, ...(isCli ? (cli ?? []) : []), ...(isCli ? [name] : [])];
  return importsOf(path).flatMap(({ from, typeOnly }) => {
    if (!isOutside(from)) return [];
    const target = packageOf(from);
    if (!allowed.includes(target)) return [`${path} imports ${from}`];
    if (typesOnly.includes(target) && !typeOnly && !isCli)
      return [`${path} imports more than types of ${from}`];
    return [];
  });
}

test('each third-party library is imported by one package', () => {
  const doors = new Map<string, Set<string>>();
  for (const name of packages) {
    for (const from of sources(name)
      .flatMap(importsOf)
      .map((one) => packageOf(one.from))) {
      if (isOutside(from) && !packages.includes(from))
        doors.set(from, (doors.get(from) ?? new Set()).add(name));
    }
  }
  const declared = Object.entries(imports).flatMap(([name, rule]) =>
    (rule.thirdParty ?? []).map((library) => [library, name] as const),
  );
  const doorsOf = (library: string) => declared.flatMap(([one, name]) => (one === library ? [name] : []));
  const found = [...doors].map(([library, by]) => [library, [...by]] as const);
  assert.deepEqual(
    Object.fromEntries(found),
    Object.fromEntries(declared.map(([library]) => [library, doorsOf(library)])),
  );
  assert.deepEqual(
    declared.map(([library]) => library).filter((library) => doorsOf(library).length > 1),
    [],
  );
});

test('a package declares exactly what it imports', () => {
  wrongs(
    packages.flatMap((name) => {
      const used = new Set(
        sources(name)
          .flatMap(importsOf)
          .map((one) => packageOf(one.from))
          .filter(isOutside),
      );
      for (const program of imports[name]?.programs ?? []) used.add(program);
      if (manifest(name).bin) used.add('pcrs-cli');
      used.delete(name);
      const declared = Object.keys(manifest(name).dependencies ?? {});
      return [
        ...[...used].filter((one) => !declared.includes(one)).map((one) => `${name} does not declare ${one}`),
        ...declared
          // The types of a library come with it if our own declarations show them.
          .filter((one) => !used.has(one.replace(/^@types\//, '')))
          .map((one) => `${name} declares ${one} and never imports it`),
      ];
    }),
  );
});

test('tests import only packages that their package or the root declares', () => {
  const atRoot = manifestOfRoot();
  wrongs(
    files('packages/*/src/**/*.test.ts').flatMap((path) => {
      const name = path.split('/')[1]!;
      const { dependencies, devDependencies } = manifest(name);
      const declared = { ...dependencies, ...devDependencies, ...atRoot.devDependencies, [name]: '' };
      return importsOf(path)
        .map(({ from }) => packageOf(from))
        .filter((from) => isOutside(from) && !(from in declared))
        .map((from) => `${path} imports ${from}`);
    }),
  );
});

test('process and console are touched in pcrs-cli only', () => {
  const looked = packages.filter((name) => name !== 'pcrs-cli').flatMap(sources);
  wrongs(
    looked.flatMap((path) => {
      const allowed = processElsewhere[path]?.names ?? [];
      const code = codeOnly(path);
      const found = [...code.matchAll(/(?<![\w.$])(process|console)\s*(?:\.|\?\.|\[)\s*(\w+)/g)]
        .filter(([, object, member]) => !(object === 'process' && allowed.includes(member!)))
        .map(([, object, member]) => `${path} uses ${object}.${member}`);
      const imported = /import\s+\{([^}]*)\}\s+from\s+'node:process'/.exec(read(path))?.[1]?.split(',') ?? [];
      const stolen = imported
        .map((one) => one.trim())
        .filter((one) => one !== '' && !allowed.includes(one))
        .map((one) => `${path} imports ${one} of node:process`);
      return [
        ...found,
        ...stolen,
        ...(/globalThis\s*\.\s*(process|console)/.test(code)
          ? [`${path} reaches for it through globalThis`]
          : []),
      ];
    }),
  );
});

test('the exceptions of this test are in use', () => {
  for (const path of [...Object.keys(processElsewhere), ...Object.keys(argued)])
    assert.ok(existsSync(join(root, path)), path);
});

test('there are no default exports and no star re-exports', () => {
  wrongs(
    everySource().flatMap((path) => [
      ...(/^export default\b/m.test(read(path)) ? [`${path} has a default export`] : []),
      ...(/^export \*/m.test(read(path)) ? [`${path} exports a star`] : []),
    ]),
  );
});

test('files have names that say something', () => {
  wrongs(
    [...everySource(), ...files('{test,scripts}/**/*.{ts,js}')]
      .filter((path) => forbiddenNames.includes(basename(path).replace(/(\.test)?\.[tj]s$/, '')))
      .map((path) => `${path}: a name for anything`),
  );
});

test('source files are short', () => {
  wrongs(
    [...everySource(), ...files('scripts/**/*.{ts,js}')]
      .filter((path) => !isTest(path) && !(path in argued))
      .map((path) => ({ path, lines: read(path).split('\n').length - 1 }))
      .filter(({ lines }) => lines > sourceLineLimit)
      .map(({ path, lines }) => `${path} has ${lines} lines, ${sourceLineLimit} are the limit`),
  );
});

test('relative imports end in .ts and stay in their package, or in test/support for tests', () => {
  wrongs(
    everySource().flatMap((path) => {
      const homes = [path.split('/').slice(0, 2).join('/'), ...(isTest(path) ? ['test/support'] : [])];
      const isHome = (file: string) => homes.some((home) => file.startsWith(join(root, home, sep)));
      return importsOf(path)
        .filter(({ from }) => from.startsWith('.'))
        .filter(({ from }) => !from.endsWith('.ts') || !isHome(resolve(root, dirname(path), from)))
        .map(({ from }) => `${path} imports ${from}`);
    }),
  );
});

test('nothing reads lines with readline, which also splits at U+2028', () => {
  wrongs(everySource().filter((path) => /['"](node:)?readline(\/promises)?['"]/.test(read(path))));
});

test('internal packages are entered by subpath', () => {
  const internal = packages.filter((name) => !manifest(name).bin);
  for (const name of internal)
    assert.equal(manifest(name).exports?.['.'], undefined, `${name} has a main door`);
  wrongs(
    everySource().flatMap((path) =>
      importsOf(path)
        .filter(({ from }) => internal.includes(from))
        .map(({ from }) => `${path} imports ${from} without a subpath`),
    ),
  );
});

function everySource(): string[] {
  return packages.flatMap((name) => files(`packages/${name}/src/**/*.ts`));
}

function manifestOfRoot(): Manifest {
  return JSON.parse(read('package.json'));
}

test('every package has everything that publishing needs', () => {
  wrongs(
    packages.flatMap((name) => {
      const {
        license,
        type,
        engines,
        files: shipped = [],
        bin,
        exports,
        publishConfig,
        ...rest
      } = manifest(name);
      const isTool = existsSync(join(root, 'packages', name, 'bin'));
      const needs: [string, boolean][] = [
        ['its name', rest.name === name],
        [
          'license MIT and its file',
          license === 'MIT' && existsSync(join(root, 'packages', name, 'LICENSE')),
        ],
        ['type module', type === 'module'],
        ['engines.node >=22.19', engines?.['node'] === '>=22.19'],
        ['a README.md', existsSync(join(root, 'packages', name, 'README.md'))],
        [
          'files: dist, README.md, LICENSE',
          ['dist', 'README.md', 'LICENSE'].every((one) => shipped.includes(one)),
        ],
        ['a bin in bin and files', !isTool || (bin?.[name] === `bin/${name}.js` && shipped.includes('bin'))],
        [
          'man pages and completion, made by prepack',
          !isTool ||
            (['man', 'completions'].every((one) => shipped.includes(one)) &&
              String(rest.man) === String(Object.keys(bin ?? {}).map((one) => `man/${one}.1`)) &&
              rest.scripts?.['prepack'] === `node --conditions=pcrs-source ../../scripts/manuals.ts ${name}`),
        ],
        ['exports', Object.keys(exports ?? {}).length > 0],
        ['publishConfig.access public', publishConfig?.access === 'public'],
        ['not private', rest.private !== true],
      ];
      return needs.filter(([, good]) => !good).map(([what]) => `${name} needs ${what}`);
    }),
  );
  assert.equal(manifestOfRoot().private, true, 'the root is published by nobody');
});

test('every package has tests', () => {
  wrongs(packages.filter((name) => files(`packages/${name}/src/**/*.test.ts`).length === 0));
});

test('every exported subpath leads to a source', () => {
  wrongs(
    packages.flatMap((name) =>
      Object.entries(manifest(name).exports ?? {}).flatMap(([door, conditions]) => {
        const source = conditions['pcrs-source'] ?? 'no pcrs-source';
        const built = (kind: string, end: string) =>
          conditions[kind] === source.replace('./src/', './dist/').replace(/\.ts$/, end);
        return [
          ...(files(join('packages', name, source)).length === 0
            ? [`${name}: ${door} leads to ${source}`]
            : []),
          ...(built('types', '.d.ts') && built('default', '.js')
            ? []
            : [`${name}: ${door}: dist is not as src`]),
        ];
      }),
    ),
  );
});

test('a package reaches other packages only through their exports', () => {
  wrongs(
    [...everySource(), ...files('{test,scripts}/*.ts')].flatMap((path) =>
      importsOf(path)
        .filter(({ from }) => packages.includes(packageOf(from)))
        .filter(({ from }) => !isExported(from))
        .map(({ from }) => `${path} imports ${from}`),
    ),
  );
});

function isExported(from: string): boolean {
  const name = packageOf(from);
  const door = `.${from.slice(name.length)}`;
  const exports = manifest(name).exports ?? {};
  if (exports[door]) return true;
  const pattern = exports['./*']?.['pcrs-source'];
  return (
    pattern !== undefined && existsSync(join(root, 'packages', name, pattern.replace('*', door.slice(2))))
  );
}

test('bins differ only in the name', () => {
  const bins = files('packages/*/bin/*.js');
  const named = packages.flatMap((name) =>
    Object.values(manifest(name).bin ?? {}).map((path) => `packages/${name}/${path}`),
  );
  assert.deepEqual(bins, named.sort());
  const texts = bins.map((path) =>
    read(path)
      .replace(`'${basename(path, '.js')}/cli'`, "'pcrs-tool/cli'")
      .replace(`\`${basename(path, '.js')}: `, '`pcrs-tool: ')
      // The formatter breaks the line of a long name.
      .replace(/write\(\s+(`.*`),\s+\)/, 'write($1)'),
  );
  for (const [index, text] of texts.entries()) assert.equal(text, texts[0], bins[index]);
});

test('an old Node gets one line from every bin, and nothing is loaded', () => {
  // The guard sees another version than this Node's: anything it then loads would fail loudly.
  for (const path of files('packages/*/bin/*.js')) {
    const name = basename(path, '.js');
    for (const version of ['20.20.2', '22.18.0']) {
      const pretend = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`;
      const { status, stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', `data:text/javascript,${encodeURIComponent(pretend)}`, join(root, path), '--help'],
        { encoding: 'utf8' },
      );
      assert.equal(stderr, `${name}: this Node is ${version}; 22.19 or newer is needed\n`);
      assert.equal(stdout, '');
      assert.equal(status, 1);
    }
  }
});

test('pcrs provides the bins of all tools', () => {
  const tools = packages.filter((name) => manifest(name).bin);
  assert.deepEqual(Object.keys(manifest('pcrs').bin ?? {}).sort(), tools.sort());
});

test('one fixed group of changesets holds all packages', () => {
  const config = JSON.parse(read('.changeset/config.json'));
  assert.equal(config.fixed.length, 1);
  assert.deepEqual([...config.fixed[0]].sort(), [...packages].sort());
  assert.equal(config.access, 'public');
  const versions = new Set(packages.map((name) => manifest(name).version));
  assert.equal(versions.size, 1, `one version says which tools fit together, there are ${[...versions]}`);
});

test('scripts named in package.json exist', () => {
  const scripts = (manifestOfRoot() as { scripts?: Record<string, string> }).scripts ?? {};
  wrongs(
    Object.entries(scripts).flatMap(([name, line]) =>
      [...line.matchAll(/scripts\/[\w.-]+/g)]
        .filter(([path]) => !existsSync(join(root, path)))
        .map(([path]) => `${name} runs ${path}, which is not there`),
    ),
  );
});
