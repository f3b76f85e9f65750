// One stage in a script: what fails on hosts of our own choice, by criticality.
import { openGateway } from 'pcrs-gateway/gateway';
import { type PolicyHosts, posture } from 'pcrs-posture';

// Any iterable will do: a query's rows, lines of a file, messages of a queue.
async function* ourHosts(): AsyncGenerator<PolicyHosts> {
  yield { policyId: '5772904', subscriptionId: '263191', hostIds: ['118701', '118729'] };
}

const print = (message: string) => void process.stderr.write(`${message}\n`);

const gateway = await openGateway({
  env: process.env, // PCRS_GATEWAY, PCRS_USERNAME, PCRS_PASSWORD, the folder for the token
  log: { warn: print, info: print, verbose() {} },
});
const failing = new Map<string, number>();
try {
  for await (const record of posture(gateway, ourHosts())) {
    if (record.status !== 'Failed') continue;
    const label = record.criticality?.label ?? 'none';
    failing.set(label, (failing.get(label) ?? 0) + 1);
  }
} finally {
  await gateway.close();
}
process.stdout.write(`${JSON.stringify(Object.fromEntries(failing))}\n`);
