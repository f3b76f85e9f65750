// Makes the tools' man pages and completion scripts from their flag tables: `man/NAME.1`, `completions/NAME.bash`,
// `completions/_NAME` (zsh), `completions/NAME.fish` in the package of each bin. They are not checked in: `prepack`
// runs this, so that every tarball matches its own flags. Arguments: packages; default: all that have bins.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { completionScript } from 'pcrs-cli/completion';
import { manualPage } from 'pcrs-cli/manual';
import type { Tool } from 'pcrs-cli/tool';
import { root } from './run-program.ts';
import { tools } from './source-bins.ts';

const asked = process.argv.slice(2);
for (const name of asked.length > 0 ? asked : tools) await write(name);

async function write(name: string): Promise<void> {
  const folder = join(root, 'packages', name);
  const { bin, version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  for (const made of ['man', 'completions']) {
    rmSync(join(folder, made), { recursive: true, force: true });
    mkdirSync(join(folder, made));
  }
  for (const command of Object.keys(bin)) {
    const { tool } = (await import(`${command}/cli`)) as { tool: Tool };
    writeFileSync(join(folder, 'man', `${command}.1`), manualPage(tool, version));
    writeFileSync(join(folder, 'completions', `${command}.bash`), completionScript([command], 'bash'));
    writeFileSync(join(folder, 'completions', `_${command}`), completionScript([command], 'zsh'));
    writeFileSync(join(folder, 'completions', `${command}.fish`), completionScript([command], 'fish'));
  }
}
