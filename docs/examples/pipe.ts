// The whole pipe in one process, as one call: policies, their hosts, their posture, a database.
import { type Gateway, openGateway } from 'pcrs-gateway/gateway';
import { hostIds } from 'pcrs-hostids';
import { type PolicyOptions, policies } from 'pcrs-policies';
import { type PolicyHosts, type PostureOptions, policyHosts, postureSlices } from 'pcrs-posture';
import { toSqlite } from 'pcrs-to-sqlite';

interface Wanted {
  policies?: PolicyOptions;
  posture?: PostureOptions;
  signal?: AbortSignal;
}

/** Asks for all of it and loads it; returns what was loaded, and what it took. */
async function extract(database: string, { signal, ...wanted }: Wanted = {}) {
  const stopping = signal ? { signal } : {};
  const gateway = await openGateway({ env: process.env, ...stopping });
  try {
    const { rows } = await toSqlite(database, records(gateway, wanted), stopping);
    return { rows, ...gateway.tally };
  } finally {
    await gateway.close();
  }
}

/** The records as bytes of NDJSON, as the tools write them; posture is never parsed on its way. */
async function* records(gateway: Gateway, wanted: Wanted): AsyncGenerator<Uint8Array> {
  const ids: string[] = [];
  for await (const { id, line } of policies(gateway, wanted.policies)) {
    if (id !== undefined) ids.push(id);
    yield Buffer.from(`${line}\n`);
  }
  const hosts: PolicyHosts[] = [];
  for await (const { line } of hostIds(gateway, ids)) {
    hosts.push(policyHosts(line));
    yield Buffer.from(`${line}\n`);
  }
  for await (const slice of postureSlices(gateway, hosts, wanted.posture)) {
    for await (const { bytes } of slice.blocks()) yield bytes;
  }
}

const stop = new AbortController();
process.once('SIGINT', () => stop.abort(new Error('interrupted')));
const disa = { policies: { title: /DISA/i }, posture: { evidence: true }, signal: stop.signal };
process.stdout.write(`${JSON.stringify(await extract('disa.db', disa))}\n`);
