#!/usr/bin/env node
const [major, minor] = process.versions.node.split('.').map(Number);
if (major > 22 || (major === 22 && minor >= 19)) {
  const { start } = await import('pcrs-cli/start');
  await start(() => import('pcrs-from-history/cli'));
} else {
  process.stderr.write(
    `pcrs-from-history: this Node is ${process.versions.node}; 22.19 or newer is needed\n`,
  );
  process.exitCode = 1;
}
