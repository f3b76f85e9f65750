import type { Archive, ArchivePart } from 'pcrs-gateway/archive';
import type { Store } from './ask.ts';
import type { EarlierCut } from './slices.ts';

/**
 * A store of bodies in an archive instead of the spool.
 *
 * Takes   readOnly   asks nothing and changes nothing; damage is an error
 */
export function archiveStore(
  archive: Archive,
  question: { path: string; parameters: Record<string, string> },
  readOnly: boolean,
): Store {
  const notes = archive.manifest?.notes ?? [];
  const halved = new Set(notes.filter(({ kind }) => kind === 'halved').map((note) => note['key']));
  const shared = sharedBodies(archive);
  const reading: Store = {
    directory: archive.directory,
    open: () => archive.part(),
    async keep(slice, part, proof, askedAt) {
      const { key, hosts, policies } = slice;
      const what = {
        key,
        hosts,
        policies: policies.map(({ policyId }) => policyId),
        records: proof.records,
        askedAt,
      };
      return (await archive.keep(part as ArchivePart, { ...question, ...what })).file;
    },
    async kept({ key }) {
      const body = archive.bodies.get(key);
      if (body === undefined) return undefined;
      const { file, records, bytes, sha256 } = body;
      return { part: await archive.open(body), file, records, bytes, sha256, shared: shared.has(sha256) };
    },
    wasHalved: ({ key }) => halved.has(key),
  };
  if (readOnly) return reading;
  return {
    ...reading,
    halved: ({ key }) => archive.note({ kind: 'halved', key }),
    async forget({ key }) {
      const body = archive.bodies.get(key);
      if (body !== undefined) await archive.forget(body);
    },
  };
}

/** Checksums of bodies with records that an earlier run stored for several slices. */
function sharedBodies(archive: Archive): ReadonlySet<string> {
  const [once, more] = [new Set<string>(), new Set<string>()];
  for (const { sha256, records } of archive.bodies.values()) {
    if (records === 0) continue;
    if (once.has(sha256)) more.add(sha256);
    once.add(sha256);
  }
  return more;
}

/** The slices as an earlier run cut them, in order. */
export function earlierCuts(archive: Archive): EarlierCut[] {
  const cuts: EarlierCut[] = [];
  for (const { kind, number, hosts, waited } of archive.manifest?.notes ?? []) {
    if (kind === 'cut' && number === cuts.length + 1)
      cuts.push({ hosts: Number(hosts), waited: waited === true });
  }
  return cuts;
}
