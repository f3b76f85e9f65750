import assert from 'node:assert/strict';
import { test } from 'node:test';
import { concurrencyFlag, gatewayOptions, stageFlags } from 'pcrs-cli/gateway-flags';
import { readFlags } from 'pcrs-cli/read-flags';
import { withDefaults } from './gateway-defaults.ts';

const env = {
  PCRS_GATEWAY: 'gateway.example',
  PCRS_USERNAME: 'alice',
  PCRS_PASSWORD_FILE: 'secret',
  PCRS_PROXY: '',
};

test('takes gateway and credentials from the environment, and records that origin', () => {
  const { gateway, username, passwordFile, proxy, origins } = withDefaults({ env });
  assert.deepEqual(
    [gateway, username, passwordFile, proxy],
    ['gateway.example', 'alice', 'secret', undefined],
  );
  assert.deepEqual(origins, { gateway: 'environment', username: 'environment', passwordFile: 'environment' });
});

test('a given option wins over the environment, even if undefined', () => {
  assert.equal(withDefaults({ env, username: 'bob' }).username, 'bob');
  assert.equal(withDefaults({ env, username: undefined }).username, undefined);
  const { gateway, platform } = withDefaults({ env, platform: 'US2' });
  assert.deepEqual([gateway, platform], [undefined, 'US2']);
});

test("without an environment, uses the flags' defaults", () => {
  const options = withDefaults({ gateway: 'gateway.example' });
  assert.deepEqual(options.env, {});
  assert.equal(options.uid, undefined);
  assert.deepEqual([options.rate, options.retries], [{ requests: 25, seconds: 60 }, 6]);
});

/** Options of the gateway for a tool without arguments. */
function byFlags() {
  const flags = { ...stageFlags, concurrency: concurrencyFlag(2) };
  const { values, origins } = readFlags('pcrs-posture', flags, 0, [], { HOME: '/nowhere' });
  const context = { flags: values, origins, profile: {}, log: {}, progress: { update() {} } };
  const options = gatewayOptions(context as unknown as Parameters<typeof gatewayOptions>[0]);
  const { timeoutMs, retries, maxWaitMs, rate, concurrency } = options;
  return { timeoutMs, retries, maxWaitMs, rate, concurrency };
}

test("the library's defaults are those of the tools' flags", () => {
  const { timeoutMs, retries, maxWaitMs, rate, concurrency } = withDefaults({});
  assert.deepEqual(byFlags(), { timeoutMs, retries, maxWaitMs, rate, concurrency });
  assert.deepEqual([timeoutMs, maxWaitMs], [600_000, 1_800_000]);
});
