// Compiles assembly/scan.ts into src/scan-module.ts; run it after changing either:
//   node packages/pcrs-json/scripts/build-scan.ts
// With --check it only compares: status 1 when the module is not what the source gives.
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main as compile } from 'assemblyscript/asc';

const source = fileURLToPath(new URL('../assembly/', import.meta.url));
const target = fileURLToPath(new URL('../src/scan-module.ts', import.meta.url));
const options = ['-O3', '--runtime', 'stub', '--enable', 'simd', '--noAssert', '--initialMemory', '8'];

const made = moduleText(await compiled());
if (!process.argv.includes('--check')) writeFileSync(target, made);
else if (made !== readFileSync(target, 'utf8')) {
  process.stderr.write(`${target} is not what the source gives: run build-scan.ts\n`);
  process.exitCode = 1;
}

async function compiled(): Promise<Buffer> {
  const folder = mkdtempSync(join(tmpdir(), 'build-scan-'));
  const binary = join(folder, 'scan.wasm');
  try {
    const { error, stderr } = await compile([
      'scan.ts',
      '--baseDir',
      source,
      '--outFile',
      binary,
      ...options,
    ]);
    if (error !== null) throw new Error(`${error.message}\n${stderr}`);
    return readFileSync(binary);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function moduleText(binary: Buffer): string {
  const lines = binary.toString('base64').match(/.{1,100}/g) ?? [];
  return [
    '// Made by scripts/build-scan.ts from assembly/scan.ts; change that and run it again.',
    '',
    '/** The SHA-256 of the source that this was made from. */',
    `export const sourceSha256 = '${createHash('sha256')
      .update(readFileSync(join(source, 'scan.ts')))
      .digest('hex')}';`,
    '',
    '/** The module, in base64. */',
    'export const scanModule = [',
    ...lines.map((line) => `  '${line}',`),
    "].join('');",
    '',
  ].join('\n');
}
