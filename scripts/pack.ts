import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './release-run.ts';
import { root } from './run-program.ts';

/** A package's repository if neither a workflow nor a remote names one: enough to try, not to publish. */
const placeholder = 'example/pcrs';

/**
 * Builds every package from nothing (an earlier build may have left files of deleted sources) and packs it.
 *
 * Takes  folder  for the tarballs
 *        built   whether `dist` was just built from nothing
 */
export async function packAll(folder: string, built = false): Promise<void> {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  const pnpm = ['npx', '--yes', packageManager] as const;
  if (!built) {
    for (const dist of globSync('packages/*/dist', { cwd: root }))
      rmSync(join(root, dist), { recursive: true });
    await output([...pnpm, 'run', 'build', '--force', '--output-logs=errors-only'], { cwd: root });
  }
  const known = process.env['GITHUB_REPOSITORY'] ?? (await hasRemote());
  const env: Record<string, string> = known ? {} : { GITHUB_REPOSITORY: placeholder };
  await output([...pnpm, '-r', '--filter', './packages/*', 'pack', '--pack-destination', folder], {
    cwd: root,
    env,
  });
}

async function hasRemote(): Promise<boolean> {
  const remote = await output(['git', 'remote', 'get-url', 'origin'], { cwd: root }).catch(() => '');
  return /^(https:|git@|ssh:)/.test(remote);
}
