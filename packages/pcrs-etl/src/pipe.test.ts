import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';

const directory = mkdtempSync(join(tmpdir(), 'pcrs-pipe-'));
after(() => rmSync(directory, { recursive: true }));

function program(name: string, source: string): { tool: string; bin: string; args: string[] } {
  const bin = join(directory, `${name}.mjs`);
  writeFileSync(bin, source);
  return { tool: name, bin, args: [] };
}

/** Runs a pipe in its own process, whose stdout we can read. */
function run(
  parts: unknown[],
  onError: (line: string, child: ReturnType<typeof spawn>) => void = () => {},
  input?: string,
) {
  const driver = `
    import { runPipe } from ${JSON.stringify(new URL('./pipe.ts', import.meta.url).href)};
    const stop = new AbortController();
    process.on('SIGINT', () => stop.abort(Object.assign(new Error('stop'), { signal: 'SIGINT' })));
    const node = { path: process.execPath, flags: process.execArgv };
    const options = { node, env: process.env, signal: stop.signal, ...${JSON.stringify(input === undefined ? {} : { input })} };
    const { statuses, output } = await runPipe(${JSON.stringify(parts)}, options);
    process.stdout.write(output);
    process.stderr.write(JSON.stringify(statuses.map(({ status }) => status)));`;
  const file = join(directory, `driver-${Math.random()}.ts`);
  writeFileSync(file, driver);
  const child = spawn(process.execPath, ['--conditions=pcrs-source', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const { promise, resolve } = Promise.withResolvers<{ stdout: string; stderr: string }>();
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    onError(text, child);
  });
  child.on('close', () => resolve({ stdout, stderr }));
  return promise;
}

const source = program('source', "process.stdout.write('x'.repeat(3_000_000)); process.exitCode = 0;");
const upper = program(
  'upper',
  'for await (const chunk of process.stdin) process.stdout.write(chunk.toString().toUpperCase());',
);
const count = program(
  'count',
  'let n = 0; for await (const chunk of process.stdin) n += chunk.length; console.log(n);',
);

test('each tool reads what the one before writes, and the last one writes to our stdout', async () => {
  assert.deepEqual(await run([source, upper, count]), { stdout: '3000000\n', stderr: '[0,0,0]' });
});

test('reports the status of each tool', async () => {
  const failing = program('failing', "process.stdout.write('abc'); process.exitCode = 5;");
  assert.deepEqual(await run([failing, upper, count]), { stdout: '3\n', stderr: '[5,0,0]' });
});

test('a tool that ends early ends the tools before it', async () => {
  const endless = program(
    'endless',
    "process.stdout.on('error', () => { process.exitCode = 0; clearInterval(timer); }); const timer = setInterval(() => process.stdout.write('x'.repeat(65536)), 1);",
  );
  const first = program(
    'first',
    "for await (const chunk of process.stdin) break; console.log('enough'); process.stdin.destroy();",
  );
  assert.deepEqual(await run([endless, first]), { stdout: 'enough\n', stderr: '[0,0]' });
});

test('passes an interrupt on to every tool', async () => {
  const waiting = program('waiting', "console.error('here'); setInterval(() => {}, 1000);");
  const passing = program('passing', "process.stdin.pipe(process.stdout); process.on('SIGINT', () => {});");
  const { stderr } = await run(
    [waiting, passing],
    (line, child) => line.includes('here') && child.kill('SIGINT'),
  );
  assert.equal(stderr, 'here\n[130,0]');
});

test('the first tool reads the given input', async () => {
  assert.deepEqual(await run([upper], undefined, 'abc\n'), { stdout: 'ABC\n', stderr: '[0]' });
});

test('accepts a first tool that reads none of its input', async () => {
  const deaf = program('deaf', "console.log('done'); process.stdin.destroy();");
  assert.deepEqual(await run([deaf], undefined, 'x'.repeat(1_000_000)), { stdout: 'done\n', stderr: '[0]' });
});
