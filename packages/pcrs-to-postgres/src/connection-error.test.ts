import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectionError } from './connection-error.ts';

const said = (error: { code?: string; message?: string }) => {
  const { code, message } = connectionError({ message: '', ...error }, 'db:5432/x');
  return `${code} ${message}`;
};

test('says what to do when nothing answers', () => {
  const cases: [string, string][] = [
    [
      'ECONNREFUSED',
      'no server answers there; check the host and the port, and that PostgreSQL runs (ECONNREFUSED)',
    ],
    ['ENOENT', 'no server has a socket there; check PGHOST and PGPORT, and that PostgreSQL runs (ENOENT)'],
    ['ENOTFOUND', 'the name of the host is unknown; check it (ENOTFOUND)'],
    ['EHOSTUNREACH', 'the server does not answer; check the host, the port and firewalls (EHOSTUNREACH)'],
    ['EPIPE', 'the connection broke; try again (EPIPE)'],
  ];
  for (const [code, sentence] of cases)
    assert.equal(said({ code }), `PCRS_MACHINE db:5432/x: ${sentence}; nothing was loaded`);
  assert.match(said({ message: 'timeout expired' }), /does not answer.*firewalls; nothing was loaded$/);
  assert.match(said({ code: 'EOTHER', message: 'odd\nthing' }), /: odd thing \(EOTHER\); nothing/);
});

test('distinguishes objects of another role from a missing right to create', () => {
  const create = /PCRS_REFUSED .*needs TEMPORARY on the database, and CREATE/;
  const owner = /PCRS_REFUSED .*; load as the role that owns the schema's tables$/;
  const cases: [string, RegExp][] = [
    ['permission denied for table q_pcrs_policy_list', owner],
    ['must be owner of view v_pcrs_failed', owner],
    ['permission denied for schema pcrs', create],
    ['permission denied for database compliance', create],
    ['permission denied to create temporary tables in database "x"', create],
  ];
  for (const [message, sentence] of cases) assert.match(said({ code: '42501', message }), sentence);
});
