import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';

/**
 * What a package is like once it is packed: its doors lead only to what is shipped (`pcrs-source` is for work in this
 * repository), it names no file that it does not have (CHANGELOG.md comes with the first release), and
 * names the repository that builds it: npm refuses provenance otherwise, and relative links of a README start there.
 */
function beforePacking(manifest, folder) {
  for (const conditions of Object.values(manifest.exports ?? {})) delete conditions['pcrs-source'];
  manifest.files = manifest.files.filter((name) => existsSync(join(folder, name)));
  delete manifest.devDependencies;
  const home = repositoryUrl();
  if (home !== undefined) {
    const directory = `packages/${basename(folder)}`;
    manifest.repository = { type: 'git', url: `git+${home}.git`, directory };
    manifest.bugs = { url: `${home}/issues` };
    manifest.homepage = `${home}/tree/main/${directory}#readme`;
  }
  return manifest;
}

/** `https://github.com/owner/name` of the workflow that packs, else of the remote `origin`; undefined if there is neither. */
function repositoryUrl() {
  const { GITHUB_SERVER_URL: server = 'https://github.com', GITHUB_REPOSITORY: repository } = process.env;
  if (repository) return `${server}/${repository}`;
  try {
    const remote = execFileSync('git', ['remote', 'get-url', 'origin'], {
      encoding: 'utf8',
      stdio: 'pipe',
    }).trim();
    const [, host, path] = /^(?:https:\/\/|git@|ssh:\/\/git@)([^/:]+)[/:](.+?)(?:\.git)?$/.exec(remote) ?? [];
    return host === undefined ? undefined : `https://${host}/${path}`;
  } catch {
    return undefined;
  }
}

export const hooks = { beforePacking };
