import { existsSync, globSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { publint } from 'publint';
import { formatMessage } from 'publint/utils';
import { output } from './release-run.ts';
import { root } from './run-program.ts';

/** The packed manifest. */
export interface PackedManifest {
  name: string;
  version: string;
  files: string[];
  bin?: Record<string, string>;
  man?: string[];
  exports: Record<string, Record<string, string>>;
  dependencies?: Record<string, string>;
  devDependencies?: unknown;
  repository?: { url: string; directory: string };
  bugs?: { url: string };
  homepage?: string;
}

/** A package as it would be published. */
export interface Packed {
  manifest: PackedManifest;
  /** Paths of its files, relative to the package's folder. */
  files: string[];
  tarball: Uint8Array<ArrayBuffer>;
}

/** The tarballs of a folder. */
export function readTarballs(folder: string): Promise<Packed[]> {
  const paths = readdirSync(folder).filter((name) => name.endsWith('.tgz'));
  return Promise.all(
    paths.sort().map(async (path) => {
      const list = await output(['tar', '-tzf', path], { cwd: folder });
      const manifest = await output(['tar', '-xOzf', path, 'package/package.json'], { cwd: folder });
      const files = list
        .trimEnd()
        .split('\n')
        .map((file) => file.replace(/^package\//, ''));
      const tarball = new Uint8Array(readFileSync(join(folder, path)));
      return { manifest: JSON.parse(manifest), files, tarball };
    }),
  );
}

/** Files allowed in a package; everything else is extra. */
const shipped = [
  /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/,
  /^bin\/[\w-]+\.js$/,
  /^dist\/[\w/-]+(\.js|\.d\.ts)$/,
  /^man\/[\w-]+\.1$/,
  /^completions\/(_[\w-]+|[\w-]+\.(bash|fish))$/,
  /^page\/report\.(css|js)$/,
];

/** What is missing in a package, what is extra, and what would not resolve, each as a sentence. */
export async function wrongsOfTarball({ manifest, files, tarball }: Packed): Promise<string[]> {
  const { name } = manifest;
  const wanted = [
    ...['package.json', 'README.md', 'LICENSE'],
    ...Object.values(manifest.bin ?? {}),
    ...(manifest.man ?? []),
    ...Object.keys(manifest.bin ?? {}).flatMap((bin) => [
      ...[`completions/_${bin}`, `completions/${bin}.bash`, `completions/${bin}.fish`],
    ]),
    ...compiled(name),
  ];
  const extra = files.filter(
    (file) =>
      !shipped.some((pattern) => pattern.test(file)) || (file.startsWith('dist/') && !wanted.includes(file)),
  );
  const published = await publint({ pack: { tarball: tarball.buffer }, strict: true });
  return [
    ...wanted.filter((file) => !files.includes(file)).map((file) => `${name} lacks ${file}`),
    ...extra.map((file) => `${name} ships ${file}`),
    ...manifest.files
      .filter((entry) => !files.some((file) => file === entry || file.startsWith(`${entry}/`)))
      .map((entry) => `${name} lists ${entry} in files and has none`),
    ...doorsToNowhere(manifest, files),
    ...Object.entries(manifest.dependencies ?? {})
      .filter(([, range]) => /^(workspace|catalog|file|link):/.test(range))
      .map(([other, range]) => `${name} depends on ${other} ${range}`),
    ...(manifest.devDependencies === undefined ? [] : [`${name} has devDependencies`]),
    ...(['repository', 'bugs', 'homepage'] as const)
      .filter((member) => manifest[member] === undefined)
      .map((member) => `${name} does not say its ${member}`),
    ...brokenLinks(name),
    ...published.messages.map((message) => `${name}: publint: ${formatMessage(message, manifest as never)}`),
  ];
}

/** Relative links of a README that lead from the package's folder into the repository. */
function brokenLinks(name: string): string[] {
  const folder = join(root, 'packages', name);
  const links = readFileSync(join(folder, 'README.md'), 'utf8').matchAll(
    /\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g,
  );
  return Array.from(links, ([, target]) => target!)
    .filter((target) => !existsSync(join(folder, target)))
    .map((target) => `${name}: its README links to ${target}, which is not there`);
}

/** The compiled files of a package's sources; any other file of `dist` is left from an older build. */
function compiled(name: string): string[] {
  const folder = join(root, 'packages', name);
  const { exclude } = JSON.parse(readFileSync(join(folder, 'tsconfig.json'), 'utf8')) as {
    exclude: string[];
  };
  const tests = globSync(exclude, { cwd: folder });
  return globSync('src/**/*.ts', { cwd: folder })
    .filter((path) => !tests.includes(path))
    .flatMap((path) => ['.js', '.d.ts'].map((end) => path.replace(/^src/, 'dist').replace(/\.ts$/, end)));
}

function doorsToNowhere({ name, exports }: PackedManifest, files: readonly string[]): string[] {
  return Object.entries(exports).flatMap(([door, conditions]) =>
    Object.entries(conditions)
      .filter(([, target]) => {
        const [before = '', after] = target.replace(/^\.\//, '').split('*');
        return !files.some((file) =>
          after === undefined ? file === before : file.startsWith(before) && file.endsWith(after),
        );
      })
      .map(([condition, target]) => `${name}: ${door} (${condition}) leads to ${target}, which is not there`),
  );
}
