export { type CsvOptions, toCsv } from './csv.ts';
export { toCsvFiles, type Written } from './files.ts';
