import { flag, groupReadableFlag } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';

const flags = {
  output: flag.text({ describe: 'file to write (by rename) instead of stdout', value: 'FILE' }),
  name: flag.text({ describe: 'name of the snapshots in DIR', value: 'NAME' }),
  level: flag.choice(['full', 'executive'], {
    describe: 'executive: without hosts and evidence',
    default: 'full',
  }),
  evidence: flag.boolean({
    describe: 'include expected and current values, for at most 50 hosts per control',
  }),
  history: flag.text({
    describe: 'a history of pcrs-to-history, for the trend and the age of each failure',
    value: 'FILE',
  }),
  owners: flag.text({ describe: 'a CSV file of hosts (id or name) and their owners', value: 'FILE' }),
  owner: flag.text({ describe: 'only the hosts of this owner', value: 'NAME' }),
  'group-readable': groupReadableFlag(),
} as const;

export const tool = defineTool({
  name: 'pcrs-report',
  summary:
    'makes one HTML file of a database: how complete, how compliant, what changed and why, what to fix first.',
  pipes: [
    'pcrs-report posture > report.html',
    'pcrs-report --evidence --output report.html posture/latest.db',
    'pcrs-report --history posture/history.db posture > report.html',
    'pcrs-report --owners owners.csv --owner "Web team" posture > web.html',
  ],
  positionals: [
    {
      name: 'DB',
      describe: 'a database of pcrs-to-sqlite, or a folder of snapshots: its latest one',
      required: true,
    },
  ],
  stdin: 'none',
  flags,
  notes: [
    'The page needs only a browser and loads nothing from the network. It is compared with the newest older snapshot of the same scope in the same folder: what changed since then, and why.',
    'A report of an incomplete database is still written; it says what is missing, and the status is 6. The database is opened read-only.',
  ],
  async main(context) {
    const { output, level, owner, owners } = context.flags;
    if (owner !== undefined && owners === undefined) throw codedError('PCRS_USAGE', '--owner needs --owners');
    if (level === 'executive' && context.flags.evidence)
      throw codedError('PCRS_USAGE', '--level executive excludes --evidence; give only one');
    const { report } = await import('./index.ts');
    const { signal, progress, log } = context;
    const onHosts = (hosts: number) => progress.update({ hosts });
    const { html, incomplete } = await report(context.positionals[0]!, {
      ...context.flags,
      ...{ signal, onHosts, log },
    });
    if (output === undefined) await context.output.write(html);
    else {
      const { replaceFile } = await import('pcrs-machine/file');
      const { letGroupRead } = await import('pcrs-machine/modes');
      if (context.flags.groupReadable) letGroupRead();
      replaceFile(output, html);
    }
    if (incomplete !== undefined) throw codedError('PCRS_INCOMPLETE', `written, though ${incomplete}`);
  },
});
