import { existsSync } from 'node:fs';
import { join } from 'node:path';

/**
 * What a package is like once it is packed: its doors lead only to what is shipped (`pcrs-source` is for work in this
 * repository), and it names no file that it does not have (CHANGELOG.md comes with the first release).
 */
function beforePacking(manifest, folder) {
  for (const conditions of Object.values(manifest.exports ?? {})) delete conditions['pcrs-source'];
  manifest.files = manifest.files.filter((name) => existsSync(join(folder, name)));
  delete manifest.devDependencies;
  return manifest;
}

export const hooks = { beforePacking };
