// Makes one archive for a machine without npm or network: Node itself, every tool, man pages, completion, checksums.
// Prints its path; --built uses the existing build. Unpacked anywhere, `bin/pcrs` runs without anything else.
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { arch, platform, tmpdir } from 'node:os';
import { join } from 'node:path';
import { packAll } from './pack.ts';
import { readTarballs } from './release-packed.ts';
import { startRegistry } from './release-registry.ts';
import { output } from './release-run.ts';
import { root } from './run-program.ts';

const readMe = `pcrs and the Node that runs it. Nothing else is needed.

  bin/pcrs                   lists the tools
  sha256sum -c SHA256SUMS    proves the files
  share/man, share/completion
`;

const work = mkdtempSync(join(tmpdir(), 'pcrs-bundle-'));
try {
  process.stdout.write(`${await bundle()}\n`);
} finally {
  rmSync(work, { recursive: true, force: true });
}

async function bundle(): Promise<string> {
  const tarballs = join(work, 'packed');
  mkdirSync(tarballs);
  await packAll(tarballs, process.argv.includes('--built'));
  const packed = await readTarballs(tarballs);
  const version = packed.find(({ manifest }) => manifest.name === 'pcrs')!.manifest.version;
  const name = `pcrs-${version}-${platform()}-${arch()}`;
  const folder = join(work, name);
  await installInto(join(folder, 'lib'), packed);
  mkdirSync(join(folder, 'bin'));
  copyFileSync(join(root, 'node_modules', 'node', 'bin', 'node'), join(folder, 'lib', 'node'));
  const tools = Object.keys(packed.find(({ manifest }) => manifest.name === 'pcrs')!.manifest.bin ?? {});
  for (const tool of tools) writeLauncher(folder, tool);
  cpSync(join(folder, 'lib', 'node_modules', 'pcrs', 'man'), join(folder, 'share', 'man', 'man1'), {
    recursive: true,
  });
  for (const shell of ['bash', 'zsh', 'fish']) {
    const script = await output([join(folder, 'bin', 'pcrs'), 'completion', shell], { cwd: work });
    mkdirSync(join(folder, 'share', 'completion'), { recursive: true });
    writeFileSync(join(folder, 'share', 'completion', `pcrs.${shell}`), script);
  }
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
  writeFileSync(join(folder, 'README'), readMe);
  writeFileSync(join(folder, 'SHA256SUMS'), sums(folder));
  const archive = join(root, `${name}.tar.gz`);
  await output(['tar', '-czf', archive, name], { cwd: work });
  return archive;
}

async function installInto(folder: string, packed: Awaited<ReturnType<typeof readTarballs>>): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'package.json'), '{"private":true}\n');
  const upstream = (await output(['npm', 'config', 'get', 'registry'], { cwd: work })).trim();
  const registry = await startRegistry(packed, upstream);
  try {
    await output(['npm', 'install', '--no-audit', '--no-fund', '--no-package-lock', 'pcrs'], {
      cwd: folder,
      env: { npm_config_registry: registry.url, npm_config_cache: join(work, 'npm-cache') },
    });
  } finally {
    await registry.close();
  }
}

/** A program called by one word; also works through links from elsewhere. */
function writeLauncher(folder: string, tool: string): void {
  const path = join(folder, 'bin', tool);
  writeFileSync(
    path,
    `#!/bin/sh
self=$0
while [ -L "$self" ]; do
  link=$(readlink "$self")
  case $link in /*) self=$link ;; *) self=$(dirname "$self")/$link ;; esac
done
lib=$(dirname "$self")/../lib
exec "$lib/node" "$lib/node_modules/pcrs/bin/${tool}.js" "$@"
`,
  );
  chmodSync(path, 0o755);
}

/** In the format of `sha256sum -c`. */
function sums(folder: string): string {
  return globSync('**/*', { cwd: folder })
    .filter((path) => statSync(join(folder, path)).isFile())
    .sort()
    .map(
      (path) =>
        `${createHash('sha256')
          .update(readFileSync(join(folder, path)))
          .digest('hex')}  ${path}\n`,
    )
    .join('');
}
