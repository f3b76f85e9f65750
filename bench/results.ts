import { existsSync, readFileSync, writeFileSync } from 'node:fs';

/**
 * Puts sections into a file, each in the place of the one with its title, new ones at its end. Figures under another
 * head are of another machine, input or version: then the file begins anew.
 *
 * Takes   head      the text before the sections
 *         sections  each begins with `## ` and its title
 */
export function saveSections(path: string, head: string, sections: readonly string[]): void {
  const [oldHead, ...old] = existsSync(path)
    ? readFileSync(path, 'utf8')
        .trimEnd()
        .split(/\n\n(?=## )/)
    : [];
  const byTitle = new Map((oldHead === head ? old : []).map((section) => [titleOf(section), section]));
  for (const section of sections) byTitle.set(titleOf(section), section);
  writeFileSync(path, `${[head, ...byTitle.values()].join('\n\n')}\n`);
}

function titleOf(section: string): string {
  return section.split('\n', 1)[0]!;
}
