/** Forms that change the records themselves; the world's truth changes with them. */
export const contentForms = {
  duplicates: 'every fifth record is sent twice',
  split: 'every seventh record comes in three parts (currentBatch, totalBatches)',
  'unknown-members': 'members that nobody has heard of',
  'big-numbers': 'a member with numbers beyond 2^53, and numbers spelled 1.10, 1e2, -0',
  'lone-surrogates': 'an escape of half a character',
  'kind-member': 'a member named kind at the end',
  'huge-element': 'one record with a text of 32 MiB, the second of the first host of the first policy',
  'absent-nulls': 'members that would be null are left out',
  'string-ids': 'ids as strings where they are numbers, and the other way round',
  'invalid-utf8': 'bytes that are no UTF-8 (the truth has U+FFFD there)',
} as const;

/** Forms that change how the same records are written. */
export const textForms = {
  pretty: 'pretty-printed',
  escaped: 'each character of each string as \\uXXXX, names too',
  padded: 'white space and line breaks wherever they are allowed',
  lines: 'a line break after each comma between records',
  concatenated: 'several arrays in a row, some empty',
  'raw-controls': 'control characters in strings are sent raw',
  bom: 'a byte order mark in front',
  'gzip-members': 'a gzip member for every few records',
} as const;

/** A form's name. */
export type Form = keyof typeof contentForms | keyof typeof textForms;

/** Every form's name. */
export const formNames = [...Object.keys(contentForms), ...Object.keys(textForms)] as Form[];
