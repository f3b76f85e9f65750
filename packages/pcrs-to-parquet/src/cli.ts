import { flag, groupReadableFlag } from 'pcrs-cli/flags';
import { defineTool } from 'pcrs-cli/tool';
import { codedError } from 'pcrs-records/errors';

const flags = {
  dir: flag.text({ describe: 'folder of the dataset (created if missing)', value: 'DIR' }),
  partial: flag.boolean({ describe: 'accept a dated or delta run; it goes to TABLE_delta' }),
  supersede: flag.boolean({ describe: 'move other runs of the same day to _superseded' }),
  replace: flag.boolean({ describe: 'overwrite the run if it is already there' }),
  subscription: flag.text({
    describe: 'subscription, if the input has no policies or host ids',
    value: 'ID',
  }),
  'skip-bad': flag.boolean({ describe: 'skip and count bad lines' }),
  strict: flag.boolean({ describe: 'status 6 if records of the run were dropped, added or edited' }),
  'group-readable': groupReadableFlag(),
} as const;

export const tool = defineTool({
  name: 'pcrs-to-parquet',
  summary: 'writes runs as a Parquet dataset for lakes and query engines.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-parquet --dir lake',
    'pcrs-from-sqlite posture/latest.db | pcrs-to-parquet --dir lake',
  ],
  stdin: 'required',
  live: 'unless stdin is piped',
  flags,
  notes: [
    'Files are DIR/TABLE/subscription=ID/snapshot_date=DAY/run=START/part-00000.parquet; _SUCCESS beside them is written last. An incomplete run stays in DIR/_incomplete, and the status is 6.',
  ],
  async main(context) {
    const { dir, ...options } = context.flags;
    if (dir === undefined) throw codedError('PCRS_USAGE', 'give the folder of the dataset: --dir DIR');
    const { toParquet } = await import('./index.ts');
    const { log, progress, signal, version } = context;
    const also = { log, progress, signal, version };
    const { written, failure } = await toParquet(dir, context.lentStdin, { ...options, ...also });
    await context.output.record(written);
    if (failure) throw failure;
  },
});
