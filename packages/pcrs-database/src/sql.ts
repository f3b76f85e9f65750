/** A name quoted for SQL. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text quoted for SQL. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A part of a nested member, which is stored as JSON text; NULL if the text is not JSON. */
export function sqlPart(column: string, part: string): string {
  return `CASE WHEN json_valid(${column}) THEN json_extract(${column}, '$.${part}') END`;
}
