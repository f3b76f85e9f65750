import { fileURLToPath } from 'node:url';
import type { Contender } from './measure.ts';

const program = (file: string) => `node ${fileURLToPath(new URL(file, import.meta.url))}`;

/**
 * One tool at growing sizes: the records come through a pipe, so that no disk holds them; from the simulator, or where
 * that would take longer than the tool, those of the input again and again.
 */
export function scaled(records: number): Contender[] {
  // 200 controls per host; each policy has 50 hosts.
  const policies = Math.max(1, Math.round(records / 10_000));
  const world = `--seed 1 --policies ${Math.ceil(policies * 1.15) + 2} --hosts ${Math.max(500, policies * 4)} --hosts-per-policy 50 --controls 200`;
  const source = `pcrs-simulator ${world} --print posture --evidence 2>/dev/null | head -n ${records}`;
  const repeated = `${program('repeat.ts')} "$DATA"/as-sent.ndjson ${records}`;
  const day = (number: number) => `${program('days.ts')} ${records} ${number} ${number} 0.005 2000`;
  const size = records.toLocaleString('en-US');
  return [
    { name: `print ${size}`, command: `set +o pipefail; ${source} > /dev/null` },
    { name: `pcrs-to-sqlite ${size}`, command: `set +o pipefail; ${source} | pcrs-to-sqlite posture.db` },
    { name: `pcrs-to-csv ${size}`, command: `set +o pipefail; ${source} | pcrs-to-csv > /dev/null` },
    { name: `pcrs-to-parquet ${size}`, command: `${repeated} | pcrs-to-parquet --dir lake` },
    { name: `pcrs-to-ocsf ${size}`, command: `${repeated} | pcrs-to-ocsf > /dev/null` },
    {
      name: `pcrs-to-history ${size}, two days`,
      command: `for day in "${day(0)}" "${day(1)}"; do $day | pcrs-to-history history.db; done`,
    },
  ];
}
