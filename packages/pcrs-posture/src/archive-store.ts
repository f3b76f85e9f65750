import type { Archive, ArchivePart } from 'pcrs-gateway/archive';
import type { Store } from './ask.ts';

/**
 * Bodies in an archive instead of the spool.
 *
 * Takes   readOnly   nothing is asked and nothing is changed; what is damaged is an error
 */
export function archiveStore(
  archive: Archive,
  question: { path: string; parameters: Record<string, string> },
  readOnly: boolean,
): Store {
  const notes = archive.manifest?.notes ?? [];
  const halved = new Set(notes.filter(({ kind }) => kind === 'halved').map((note) => note['key']));
  const reading: Store = {
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
      return body && { part: await archive.open(body), file: body.file, sha256: body.sha256 };
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

/** The hosts of each slice that an earlier run has cut, in order. */
export function cutSizes(archive: Archive): number[] {
  const sizes: number[] = [];
  for (const note of archive.manifest?.notes ?? []) {
    if (note.kind === 'cut') sizes[Number(note['number']) - 1] = Number(note['hosts']);
  }
  // what follows a gap, if there is one, is cut anew
  const gap = Array.from(sizes).indexOf(undefined as never);
  return gap < 0 ? sizes : sizes.slice(0, gap);
}
