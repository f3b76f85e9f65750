// The only script that runs on the host's Node, whatever its age. It brings pnpm and the repository's own Node,
// installs if the lockfile asks for it, and hands over. No dependencies, no syntax past Node 18.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tasks = { demo: 'scripts/demo.ts', test: 'scripts/check.ts' };
const task = process.argv[2] ?? '';
const script = tasks[task];
const windows = process.platform === 'win32';

if (script === undefined) {
  process.stderr.write(`usage: node scripts/bootstrap.js ${Object.keys(tasks).join('|')}\n`);
  process.exitCode = 2;
} else {
  await main();
}

async function main() {
  if (isInstalled()) tell('dependencies are installed already');
  else {
    const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const install = ['--yes', packageManager, 'install', '--frozen-lockfile'];
    tell(`installing dependencies: npx ${install.join(' ')}`);
    // Replaces modules of another store or layout without asking, since nobody may be there to answer.
    await run('npx', [...install, '--config.confirmModulesPurge=false'], { shell: windows });
    if (process.exitCode) return;
  }
  const node = join(root, 'node_modules', 'node', 'bin', windows ? 'node.exe' : 'node');
  tell(`running ${script} with the repository's own Node`);
  const path = [join(root, 'node_modules', '.bin'), process.env.PATH].join(delimiter);
  await run(node, [join(root, script), ...process.argv.slice(3)], { env: { ...process.env, PATH: path } });
}

/** Whether the last install finished, and used the present lockfile. */
function isInstalled() {
  const installed = join(root, 'node_modules', '.pnpm', 'lock.yaml');
  if (!existsSync(installed) || !existsSync(join(root, 'node_modules', '.modules.yaml'))) return false;
  return readFileSync(installed, 'utf8') === readFileSync(join(root, 'pnpm-lock.yaml'), 'utf8');
}

/**
 * Runs a program to its end, in the repository's folder; we end with its exit status, or the signal that ended it.
 */
function run(file, args, options = {}) {
  const child = spawn(file, args, { cwd: root, stdio: 'inherit', ...options });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const pass = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, pass);
  return new Promise((resolve) => {
    child.on('error', (error) => {
      tell(`${file}: ${error.message}`);
      process.exitCode = 1;
      resolve();
    });
    child.on('exit', (status, signal) => {
      for (const name of signals) process.off(name, pass);
      if (signal) process.kill(process.pid, signal);
      process.exitCode = status ?? 1;
      resolve();
    });
  });
}

function tell(what) {
  process.stderr.write(`${task}: ${what}\n`);
}
