import { demandFlags, flag, groupReadableFlag } from 'pcrs-cli/flags';
import { type Context, defineTool } from 'pcrs-cli/tool';
import type { CsvOptions } from './index.ts';

const flags = {
  kind: flag.text({ describe: 'kind of record (default: posture in a run, else that of the first record)' }),
  columns: flag.list({ describe: 'only these columns, in this order' }),
  add: flag.list({ describe: 'additional columns: members by dotted path, such as owner,team.name' }),
  extra: flag.boolean({ describe: 'put members without a column as JSON into a last column, extra' }),
  dir: flag.text({ describe: 'write a file per kind there instead of stdout', value: 'DIR' }),
  excel: flag.boolean({ describe: 'for spreadsheets: byte order mark, CRLF, neutral formulas' }),
  delimiter: flag.text({
    describe: 'separator of cells: one character, or tab',
    value: 'CHAR',
    default: ',',
  }),
  'no-header': flag.boolean({ describe: 'omit the header' }),
  ...demandFlags(),
  'group-readable': groupReadableFlag(),
} as const;

export const tool = defineTool({
  name: 'pcrs-to-csv',
  summary: 'writes the records of one kind as CSV, or a CSV file per kind.',
  pipes: [
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-csv > posture.csv',
    'pcrs-auth | pcrs-policies | pcrs-hostids | pcrs-posture | pcrs-to-csv --dir csv',
    'pcrs-policies | pcrs-to-csv --columns id,title --excel > policies.csv',
  ],
  stdin: 'required',
  live: 'always',
  flags,
  notes: [
    'Null and absent members are empty cells, the empty text is "". Spreadsheets show ids of 16 digits and more ' +
      'rounded and dates in their own way, whatever a CSV says: import such columns as text.',
  ],
  async main(context) {
    const { toCsv, toCsvFiles } = await import('./index.ts');
    const options = csvOptions(context);
    const { dir } = context.flags;
    if (dir === undefined) {
      for await (const rows of toCsv(context.lentStdin, options)) await context.output.write(rows);
      return;
    }
    const { written, failure } = await toCsvFiles(dir, context.lentStdin, options);
    await context.output.record(written);
    if (failure) throw failure;
  },
});

function csvOptions(context: Context<typeof flags>): CsvOptions {
  const { dir, ...values } = context.flags;
  // Rows on a terminal would mix with a live line on the same terminal.
  const quiet = dir === undefined && context.stderrIsTerminal;
  return { ...values, log: context.log, progress: quiet ? undefined : context.progress };
}
