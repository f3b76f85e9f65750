// Packs all packages as tarballs in `packed/`, for installing while no registry has them.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { packAll } from './pack.ts';
import { root } from './run-program.ts';

const folder = join(root, 'packed');
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);
await packAll(folder);
const count = readdirSync(folder).length;
process.stdout.write(`packed/ has ${count} packages; npm install --global packed/*.tgz installs all tools\n`);
