// The whole pipe in one process: policies, their hosts, their posture, a database.
import { type Gateway, openGateway } from 'pcrs-gateway/gateway';
import { hostIds } from 'pcrs-hostids';
import { policies } from 'pcrs-policies';
import { type PolicyHosts, policyHosts, postureSlices } from 'pcrs-posture';
import { toSqlite } from 'pcrs-to-sqlite';

/** The records as bytes of NDJSON, as the tools would write them; posture is never parsed on its way. */
async function* records(gateway: Gateway): AsyncGenerator<Uint8Array> {
  const ids: string[] = [];
  for await (const { id, line } of policies(gateway, { title: /DISA/i })) {
    if (id !== undefined) ids.push(id);
    yield Buffer.from(`${line}\n`);
  }
  const hosts: PolicyHosts[] = [];
  for await (const { line } of hostIds(gateway, ids)) {
    hosts.push(policyHosts(line));
    yield Buffer.from(`${line}\n`);
  }
  for await (const slice of postureSlices(gateway, hosts, { evidence: true })) {
    for await (const { bytes } of slice.blocks()) yield bytes;
  }
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('interrupted')));
const gateway = await openGateway({ env: process.env, signal: stop.signal });
try {
  const loaded = await toSqlite('disa.db', records(gateway), { signal: stop.signal });
  process.stdout.write(`${JSON.stringify({ ...loaded.rows, ...gateway.tally })}\n`);
} finally {
  await gateway.close();
}
