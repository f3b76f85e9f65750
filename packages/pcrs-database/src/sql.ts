/** A name as SQL takes it, whatever it is. */
export function sqlName(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL takes it. */
export function sqlText(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
