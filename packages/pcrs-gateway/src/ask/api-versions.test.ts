import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  apiPath,
  apiVersions,
  checkFlags,
  defaultVersions,
  flagParameters,
  mixedVersionsWarning,
  versionWarning,
} from './api-versions.ts';

const november = new Date('2026-11-23T00:00:00Z');

test('refuses by name a flag that the version does not know, and says which versions do', () => {
  assert.throws(() => checkFlags('postureInfo', '4.0', ['evidence', 'extended-evidence']), {
    code: 'PCRS_USAGE',
    message: '--extended-evidence is not supported by postureInfo 4.0; versions that support it: 5.0',
  });
  assert.throws(
    () => checkFlags('postureInfo', '1.0', ['exclude-inactive-controls']),
    /2\.0, 3\.0, 4\.0, 5\.0/,
  );
  assert.throws(() => checkFlags('hostids', '2.0', ['status-changed-since']), /3\.0, 4\.0, 5\.0/);
  assert.throws(() => checkFlags('policyList', '1.0', ['tag-info']), /2\.0/);
});

test('allows every flag with a version that is not in the table', () => {
  checkFlags('postureInfo', '6.0', ['qds', 'extended-evidence']);
  checkFlags('hostids', '5.0', ['asset-state', 'asset-deployment-type', 'not-a-filter']);
});

test('every flag sets a parameter that the default version knows', () => {
  for (const [endpoint, flags] of Object.entries(flagParameters)) {
    const version = defaultVersions[endpoint as keyof typeof defaultVersions];
    checkFlags(endpoint as keyof typeof defaultVersions, version, Object.keys(flags));
  }
  assert.equal(apiVersions.length, 12);
});

test('warns once an announced end is reached, with its month and source', () => {
  assert.match(
    versionWarning('policyList', '1.0', november)!,
    /end of support \(November 2026\).*1\.11.*use 2\.0/,
  );
  assert.equal(versionWarning('policyList', '1.0', new Date('2026-10-31T23:59:59Z')), undefined);
  const both = versionWarning('postureInfo', '4.0', november)!;
  assert.match(both, /end of support \(May 2026\) and its end of life \(November 2026\)/);
  assert.doesNotMatch(versionWarning('postureInfo', '4.0', new Date('2026-06-01'))!, /end of life/);
  for (const version of ['5.0', '1.0', '9.9'])
    assert.equal(versionWarning('postureInfo', version, november), undefined);
});

test('warns that mixed versions omit SCA hosts', () => {
  assert.equal(mixedVersionsWarning('5.0', '5.0'), undefined);
  assert.match(mixedVersionsWarning('2.0', '5.0')!, /SCA hosts will have no posture/);
  assert.match(mixedVersionsWarning('5.0', '1.0')!, /SCA hosts are missing/);
  assert.match(mixedVersionsWarning('3.0', '5.0')!, /one version for both/);
});

test('puts any version into the path', () => {
  assert.equal(apiPath('postureInfo', '7.1'), '/pcrs/7.1/posture/postureInfo');
  assert.equal(apiPath('policyList', '2.0'), '/pcrs/2.0/posture/policy/list');
});
