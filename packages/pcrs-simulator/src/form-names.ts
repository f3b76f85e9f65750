/** Forms that change the records themselves, and with them what `--print` shows. */
export const contentForms = {
  duplicates: 'every fifth record is sent twice',
  split: 'every seventh record comes in three parts (currentBatch, totalBatches)',
  'unknown-members': 'members unknown to the documentation',
  'big-numbers': 'a member with numbers beyond 2^53, and numbers spelled 1.10, 1e2, -0',
  'lone-surrogates': 'an escape of half a character',
  'kind-member': 'a member named kind at the end',
  'huge-element': 'a 32 MiB string in the second record of the first host of the first policy',
  'absent-nulls': 'members that would be null are omitted',
  'string-ids': 'ids as strings instead of numbers, and vice versa',
  'invalid-utf8': 'bytes that are not valid UTF-8 (--print has U+FFFD there)',
} as const;

/** Forms that change how the same records are written. */
export const textForms = {
  pretty: 'pretty-printed',
  escaped: 'each character of each string as \\uXXXX, including names',
  padded: 'white space and line breaks wherever JSON allows them',
  lines: 'a line break after each comma between records',
  concatenated: 'several arrays in a row, some empty',
  'raw-controls': 'control characters in strings are not escaped',
  bom: 'a byte order mark in front',
  'gzip-members': 'a gzip member for every few records',
} as const;

/** A form's name. */
export type Form = keyof typeof contentForms | keyof typeof textForms;

/** Every form's name. */
export const formNames = [...Object.keys(contentForms), ...Object.keys(textForms)] as Form[];
