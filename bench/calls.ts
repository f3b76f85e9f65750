import { spawnSync } from 'node:child_process';

export interface Calls {
  what: string;
  ours: number;
  /** One request per policy and 250 hosts. */
  qualysEtl: number;
}

/** Posture requests of a subscription, by `--plan`, against QualysETL's rule. */
export function calls(env: NodeJS.ProcessEnv): Calls[] {
  return [
    [850, 100],
    [40, 50_000],
  ].map(([policies, hosts]) => {
    const lines = Array.from({ length: policies! }, (_, policy) => hostIdsLine(policy, hosts!)).join('');
    const { stdout, stderr, status } = spawnSync('bash', ['-c', 'pcrs-posture --plan'], {
      input: lines,
      env,
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`--plan ended ${status}: ${stderr}`);
    const what = `${policies} policies × ${hosts!.toLocaleString('en-US')} hosts`;
    return { what, ours: JSON.parse(stdout).requests, qualysEtl: policies! * Math.ceil(hosts! / 250) };
  });
}

function hostIdsLine(policy: number, hosts: number): string {
  const hostIds = Array.from({ length: hosts }, (_, host) => String(100_000 + host));
  return `${JSON.stringify({ kind: 'hostids', policyId: String(1000 + policy), subscriptionId: '1', hostIds })}\n`;
}
