import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * What a package is like once it is packed: its doors lead only to what is shipped (`pcrs-source` is for work in this
 * repository), it names no file that it does not have (CHANGELOG.md comes with the first release), and where GitHub
 * publishes it, it names the repository that its provenance names.
 */
function beforePacking(manifest, folder) {
  for (const conditions of Object.values(manifest.exports ?? {})) delete conditions['pcrs-source'];
  manifest.files = manifest.files.filter((name) => existsSync(join(folder, name)));
  delete manifest.devDependencies;
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository } = process.env;
  if (server && repository)
    manifest.repository = {
      type: 'git',
      url: `git+${server}/${repository}.git`,
      directory: `packages/${basename(folder)}`,
    };
  return manifest;
}

export const hooks = { beforePacking };
