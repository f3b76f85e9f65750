// Checks what a release would give its users: packs every package, inspects the tarballs, installs them with npm into
// empty folders outside the workspace under the lowest and the newest supported Node, and runs the pipe there.
// Arguments: versions of Node instead of those below.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAll } from './pack.ts';
import { checkInstalled, type Host } from './release-install.ts';
import { readTarballs, wrongsOfTarball } from './release-packed.ts';
import { startRegistry } from './release-registry.ts';
import { output } from './release-run.ts';

/** The lowest version in `engines`, the one the tests run on, and the newest. */
const nodes = process.argv.length > 2 ? process.argv.slice(2) : ['22.19.0', '24.21.0', '26'];

const folder = mkdtempSync(join(tmpdir(), 'pcrs-release-'));
const wrongs: string[] = [];
try {
  await check();
} catch (error) {
  wrongs.push((error as Error).message);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
for (const wrong of wrongs) tell(`WRONG: ${wrong}`);
tell(wrongs.length === 0 ? 'good' : `${wrongs.length} wrong`);
process.exitCode = wrongs.length === 0 ? 0 : 1;

async function check(): Promise<void> {
  tell('building and packing');
  await packAll(folder);
  const packed = await readTarballs(folder);
  for (const one of packed) wrongs.push(...(await wrongsOfTarball(one)));
  tell(`packed ${packed.length} packages, ${packed.flatMap(({ files }) => files).length} files`);

  const upstream = (await output(['npm', 'config', 'get', 'registry'], { cwd: folder })).trim();
  const registry = await startRegistry(packed, upstream);
  try {
    for (const version of nodes) {
      const host = await bringNode(version);
      if (host === undefined) continue;
      const startedAt = performance.now();
      wrongs.push(...(await checkInstalled(host, packed, registry.url)));
      tell(`Node ${host.version}: ${((performance.now() - startedAt) / 1000).toFixed(1)} s`);
    }
  } finally {
    await registry.close();
  }
}

/** A Node from the npm registry; undefined, with a message, if the registry has none. */
async function bringNode(version: string): Promise<Host | undefined> {
  const prefix = join(folder, `node-${version}`);
  mkdirSync(prefix);
  // Its install script fetches the program.
  writeFileSync(join(prefix, 'package.json'), '{"private":true,"allowScripts":{"node":true}}\n');
  try {
    await output(['npm', 'install', '--no-audit', '--no-fund', `node@${version}`], { cwd: prefix });
  } catch (error) {
    if (!/ETARGET|E404|notarget/.test((error as Error).message)) throw error;
    tell(`Node ${version}: SKIPPED, the registry has no node@${version}`);
    return undefined;
  }
  const bin = join(prefix, 'node_modules', 'node', 'bin');
  const told = (await output([join(bin, 'node'), '--version'], { cwd: folder })).trim().slice(1);
  return { version: told, bin, folder: join(folder, `on-${told}`) };
}

function tell(what: string): void {
  process.stderr.write(`release:check: ${what}\n`);
}
