import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withDefaults } from './gateway-defaults.ts';

const env = {
  PCRS_GATEWAY: 'gateway.example',
  PCRS_USERNAME: 'alice',
  PCRS_PASSWORD_FILE: 'secret',
  PCRS_PROXY: '',
};

test('takes from the environment who asks whom, and says so', () => {
  const { gateway, username, passwordFile, proxy, origins } = withDefaults({ env });
  assert.deepEqual(
    [gateway, username, passwordFile, proxy],
    ['gateway.example', 'alice', 'secret', undefined],
  );
  assert.deepEqual(origins, { gateway: 'environment', username: 'environment', passwordFile: 'environment' });
});

test('an option that is there wins over the environment, undefined too', () => {
  assert.equal(withDefaults({ env, username: 'bob' }).username, 'bob');
  assert.equal(withDefaults({ env, username: undefined }).username, undefined);
  const { gateway, platform } = withDefaults({ env, platform: 'US2' });
  assert.deepEqual([gateway, platform], [undefined, 'US2']);
});

test('without an environment nothing is read of one, and the rest is as the flags are', () => {
  const options = withDefaults({ gateway: 'gateway.example' });
  assert.deepEqual(options.env, {});
  assert.equal(options.uid, undefined);
  assert.deepEqual([options.rate, options.retries], [{ requests: 25, seconds: 60 }, 6]);
});
