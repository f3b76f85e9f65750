import type { Contender } from './measure.ts';

/** One tool at growing sizes: the simulator's records come through a pipe, so that no disk has to hold them. */
export function scaled(records: number): Contender[] {
  // 200 controls per host; each policy has 50 hosts.
  const policies = Math.max(1, Math.round(records / 10_000));
  const world = `--seed 1 --policies ${Math.ceil(policies * 1.15) + 2} --hosts ${Math.max(500, policies * 4)} --hosts-per-policy 50 --controls 200`;
  const source = `pcrs-simulator ${world} --print posture --evidence 2>/dev/null | head -n ${records}`;
  const size = records.toLocaleString('en-US');
  return [
    { name: `print ${size}`, command: `set +o pipefail; ${source} > /dev/null` },
    { name: `pcrs-to-sqlite ${size}`, command: `set +o pipefail; ${source} | pcrs-to-sqlite posture.db` },
    { name: `pcrs-to-csv ${size}`, command: `set +o pipefail; ${source} | pcrs-to-csv > /dev/null` },
  ];
}
