import assert from 'node:assert/strict';
import { test } from 'node:test';
import { platforms } from 'pcrs-records/platforms';
import { gatewayUrl, platformUrl } from './gateway-url.ts';

const refused = (text: string, message: RegExp) =>
  assert.throws(() => gatewayUrl(text), { code: 'PCRS_USAGE', message });

test('accepts a bare host as https and a URL without its slash', () => {
  assert.equal(gatewayUrl('gateway.qg2.apps.qualys.com'), 'https://gateway.qg2.apps.qualys.com');
  assert.equal(gatewayUrl(' Gateway.QG2.apps.qualys.com:8443/ '), 'https://gateway.qg2.apps.qualys.com:8443');
  assert.equal(gatewayUrl('https://gateway.example.net/'), 'https://gateway.example.net');
  assert.equal(gatewayUrl('127.0.0.1:8080'), 'https://127.0.0.1:8080');
});

test('accepts http only for this machine', () => {
  for (const host of ['127.0.0.1:8080', 'localhost:1', '[::1]:8080', '127.9.9.9']) {
    assert.equal(gatewayUrl(`http://${host}`), `http://${host}`);
  }
  refused('http://gateway.example.net', /must be https .*use https:\/\/gateway\.example\.net/);
  refused('http://127.0.0.1.example.net', /must be https/);
});

test('refuses an API server and names the gateway to use', () => {
  refused('qualysapi.qualys.com', /use gateway\.qg1\.apps\.qualys\.com/);
  refused('https://qualysapi.qg2.apps.qualys.eu', /use gateway\.qg2\.apps\.qualys\.eu/);
  refused('qualysapi.cloud.example.net', /use gateway\.cloud\.example\.net/);
});

test('refuses a user and password without showing them', () => {
  for (const text of ['https://alice:canary@gateway.example.net', 'alice:canary@gateway.example.net']) {
    assert.throws(
      () => gatewayUrl(text),
      (error: Error) => !error.message.includes('canary') && !error.message.includes('alice'),
    );
  }
  assert.throws(
    () => gatewayUrl('https://alice:canary@'),
    (error: Error) => !error.message.includes('canary'),
  );
});

test('refuses paths, queries, other schemes and invalid hosts', () => {
  refused('https://gateway.example.net/auth', /without a path.*use https:\/\/gateway\.example\.net/);
  refused('gateway.example.net?x=1', /without a path/);
  refused('ftp://gateway.example.net', /must be an https URL/);
  refused('', /must be a host name/);
  refused('https://', /must be a host name/);
});

test('finds platforms in any case and lists them all for an unknown one', () => {
  assert.equal(platformUrl('us2'), 'https://gateway.qg2.apps.qualys.com');
  assert.equal(platformUrl('KSA1'), 'https://gateway.qg1.apps.qualysksa.com');
  assert.throws(() => platformUrl('US9'), { code: 'PCRS_USAGE', message: /US1, US2.*got "US9"/ });
  for (const { name, gateway } of platforms) assert.equal(platformUrl(name), gatewayUrl(gateway));
});
