// Assembles src/elements-scan.wat into src/elements-scan-wasm.ts. Run it after a change of the .wat:
//   node packages/pcrs-gateway/scripts/build-scan.ts
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const source = fileURLToPath(new URL('../src/elements-scan.wat', import.meta.url));
const target = fileURLToPath(new URL('../src/elements-scan-wasm.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'build-scan-'));
try {
  const binary = join(folder, 'scan.wasm');
  execFileSync('npx', ['--yes', '--package', 'wabt@1.0.39', 'wat2wasm', source, '-o', binary], {
    stdio: 'inherit',
  });
  const sha256 = createHash('sha256').update(readFileSync(source)).digest('hex');
  const lines =
    readFileSync(binary)
      .toString('base64')
      .match(/.{1,100}/g) ?? [];
  const text = [
    '// Made by scripts/build-scan.ts from elements-scan.wat; change that and run it again.',
    '',
    '/** The SHA-256 of the source that this was made from. */',
    `export const sourceSha256 = '${sha256}';`,
    '',
    '/** The module, in base64. */',
    'export const scanModule = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ];
  writeFileSync(target, text.join('\n'));
} finally {
  rmSync(folder, { recursive: true });
}
