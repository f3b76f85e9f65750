import type { Carrier } from './carrier.ts';

/**
 * A script for psql. Wherever it is cut, nothing is half done and no value is read as SQL:
 *
 *   \\if … \\endif    cut anywhere, psql finds an \\if without its \\endif, and fails
 *   pcrs_open       a COMMIT fails as long as two equal rows are in it: also that of `psql -1`
 *   \\gexec          removes one of them and commits, in one step: without its last letter it does neither
 *   --              every line of rows starts with it: if a COPY is refused, psql reads comments
 *
 * Source  PostgreSQL 18, psql; tried on the versions that the README names
 */
const head = `\\set ON_ERROR_STOP on
\\set QUIET on
\\set SHOW_CONTEXT never
\\if true
BEGIN;
CREATE TEMPORARY TABLE pcrs_open (whole int, CONSTRAINT "this pcrs-to-postgres script is incomplete" UNIQUE (whole) DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP;
INSERT INTO pg_temp.pcrs_open VALUES (1), (1);
`;
const commit = `SELECT 'DELETE FROM pg_temp.pcrs_open', 'COMMIT' \\gexec
\\endif
`;

/** Takes  write  writes bytes of the script, in order */
export function scriptCarrier(write: (text: string | Buffer) => Promise<void> | undefined): Carrier {
  return {
    async begin() {
      await write(head);
    },
    async run(sql) {
      await write(sql);
    },
    async copy(statement, rows) {
      await write(`${statement};\n`);
      await write(rows);
      await write('\\.\n');
    },
    async commit() {
      await write(commit);
      return undefined;
    },
    async abandon(reason) {
      await write(
        `ROLLBACK;\nDO $pcrs$ BEGIN RAISE EXCEPTION USING MESSAGE = ${unicodeText(reason)}; END $pcrs$;\n\\endif\n`,
      );
    },
  };
}

/** A text as SQL, in letters, digits and blanks only: anything else is spelled by its number. */
function unicodeText(text: string): string {
  const spelled = Array.from(text.toWellFormed(), (character) =>
    /[A-Za-z0-9 .,:;()/_-]/.test(character)
      ? character
      : `\\+${(character.codePointAt(0) as number).toString(16).padStart(6, '0')}`,
  );
  return `U&'${spelled.join('').replaceAll('\\+000000', '\\+00fffd')}'`;
}
