import { copyFileSync, globSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, delimiter, join } from 'node:path';
import type { Packed } from './release-packed.ts';
import { readmeScript } from './release-readme.ts';
import { output } from './release-run.ts';
import { root } from './run-program.ts';

/** A Node to try the packages on: the path of its `node`, and a folder for everything installed and made with it. */
export interface Host {
  version: string;
  bin: string;
  folder: string;
}

/** The whole pipe with its own simulator, every sink and reader, and a proof that no record was lost. */
const pipe = `set -euo pipefail
export PCRS_USERNAME=demo PCRS_PASSWORD=demo PCRS_STATE_DIR=$PWD/state
pcrs-simulator --port 0 --seed 1 --policies 6 --hosts 30 --controls 8 > listening.json &
simulator=$!
trap 'kill $simulator' EXIT
until [ -s listening.json ]; do kill -0 $simulator; sleep 0.1; done
PCRS_GATEWAY=$(node -p 'JSON.parse(fs.readFileSync("listening.json")).gateway')
export PCRS_GATEWAY
pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture --evidence | tee run.ndjson |
  pcrs-to-sqlite --snapshot snapshots > loaded.json
pcrs-to-csv --dir csv < run.ndjson > written.json
pcrs-status snapshots > status.json
pcrs-diff snapshots/latest.db snapshots/latest.db > diff.ndjson
pcrs-etl --out etl > etl.ndjson
node -e '
  const records = fs.readFileSync("run.ndjson", "utf8").split("\\n").filter((line) => line.startsWith("{\\"kind\\":\\"posture\\"")).length;
  for (const file of ["loaded.json", "etl.ndjson"]) {
    const { complete, rows } = JSON.parse(fs.readFileSync(file, "utf8").trim().split("\\n").at(-1));
    if (records === 0 || !complete || rows.q_pcrs_postureinfo !== records)
      throw new Error(file + ": " + records + " records, complete " + complete + ", rows " + JSON.stringify(rows));
  }'
`;

/**
 * Installs the packages under a Node, all by the umbrella and each tool by itself, and uses them.
 *
 * Takes   registry  the URL that serves them
 * Yields  the failures; none if all is well
 */
export async function checkInstalled(
  host: Host,
  packed: readonly Packed[],
  registry: string,
): Promise<string[]> {
  const app = join(host.folder, 'app');
  mkdirSync(app, { recursive: true });
  const path = [host.bin, join(app, 'node_modules', '.bin'), process.env['PATH']].join(delimiter);
  const env = {
    PATH: path,
    npm_config_registry: registry,
    npm_config_cache: join(host.folder, '..', 'npm-cache'),
    npm_config_update_notifier: 'false',
  };
  const wrongs: string[] = [];
  const attempt = async (command: readonly string[], cwd = app): Promise<string> => {
    try {
      return await output(command, { cwd, env });
    } catch (error) {
      wrongs.push(`Node ${host.version}: ${(error as Error).message}`);
      return '';
    }
  };
  writeFileSync(join(app, 'package.json'), '{"private":true,"type":"module"}\n');
  await attempt([
    'npm',
    'install',
    '--no-audit',
    '--no-fund',
    ...packed.map(({ manifest }) => manifest.name),
  ]);
  if (wrongs.length > 0) return wrongs;

  const doors = packed.flatMap(doorsOf);
  writeFileSync(join(app, 'doors.js'), doors.map((door) => `await import('${door}');\n`).join(''));
  await attempt(['node', 'doors.js']);
  writeConsumer(app, doors);
  await attempt([join(root, 'node_modules', '.bin', 'tsc'), '-p', '.']);
  await attempt(['bash', '-c', pipe]);
  const newcomer = join(host.folder, 'newcomer');
  mkdirSync(newcomer);
  await attempt(['bash', '-c', readmeScript()], newcomer);

  for (const { manifest } of packed) {
    if (manifest.bin?.[manifest.name] === undefined) continue;
    // In a folder without packages, npx brings the tool and its dependencies, and nothing else.
    const alone = join(host.folder, manifest.name);
    mkdirSync(alone);
    const told = await attempt(['npx', '--yes', manifest.name, '--version'], alone);
    if (told !== `${manifest.name} ${manifest.version}\n`)
      wrongs.push(`Node ${host.version}: npx ${manifest.name} --version says ${JSON.stringify(told)}`);
  }
  const listed = await attempt(['npx', '--yes', '--package', 'pcrs', 'pcrs-posture', '--help'], host.folder);
  if (!listed.includes('pcrs-posture')) wrongs.push(`Node ${host.version}: pcrs does not give pcrs-posture`);
  return wrongs;
}

/** Everything a package lets others import. */
function doorsOf({ manifest, files }: Packed): string[] {
  return Object.keys(manifest.exports).flatMap((door) => {
    if (door !== './*') return [manifest.name + door.slice(1)];
    return files
      .map((file) => /^dist\/(.+)\.d\.ts$/.exec(file)?.[1])
      .filter((file) => file !== undefined)
      .map((file) => `${manifest.name}/${file}`);
  });
}

/** A TypeScript program that imports every export, and the examples of docs, checked with the packed declarations. */
function writeConsumer(app: string, doors: readonly string[]): void {
  const imports = doors.map((door, index) => `import * as door${index} from '${door}';\n`);
  const used = `export const doors: object[] = [${doors.map((_, index) => `door${index}`).join(', ')}];\n`;
  const example = `import { type AuthOptions, openSession } from 'pcrs-auth';
export const runId = async (options: AuthOptions): Promise<string> => (await openSession(options)).session.runId;
`;
  writeFileSync(join(app, 'consumer.ts'), [...imports, used, example].join(''));
  const examples = globSync('docs/examples/*.ts', { cwd: root });
  for (const path of examples) copyFileSync(join(root, path), join(app, basename(path)));
  const files = ['consumer.ts', ...examples.map((path) => basename(path))];
  const compilerOptions = {
    ...{
      target: 'es2024',
      lib: ['esnext'],
      module: 'nodenext',
      strict: true,
      noEmit: true,
      skipLibCheck: false,
    },
    ...{ types: ['node'], typeRoots: [join(root, 'node_modules', '@types')] },
  };
  writeFileSync(join(app, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }));
}
