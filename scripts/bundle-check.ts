// Unpacks the bundle elsewhere and runs the demo from it with an empty environment: no Node, no npm, no repository.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { output } from './release-run.ts';
import { root } from './run-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'pcrs-bundle-check-'));
try {
  const archive = (
    await output([process.execPath, join(root, 'scripts', 'bundle.ts'), '--built'], { cwd: root })
  ).trim();
  await output(['tar', '-xzf', archive], { cwd: folder });
  const unpacked = join(folder, readdirSync(folder)[0]!);
  await output(['sha256sum', '--quiet', '-c', 'SHA256SUMS'], { cwd: unpacked });
  const pcrs = join(unpacked, 'bin', 'pcrs');
  const demo = await output(['env', '-i', 'PATH=/usr/bin:/bin', pcrs, 'demo'], { cwd: folder });
  const status = await output(
    ['env', '-i', 'PATH=/usr/bin:/bin', pcrs, 'status', '--format', 'json', 'pcrs-demo'],
    { cwd: folder },
  );
  if (!demo.includes('Try next:') || JSON.parse(status).complete !== true)
    throw new Error(`the demo from the bundle says:\n${demo}${status}`);
  rmSync(archive);
  process.stderr.write('bundle: unpacked and run with an empty environment: good\n');
} finally {
  rmSync(folder, { recursive: true, force: true });
}
