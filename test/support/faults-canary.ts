import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import type { SimulatorOptions } from 'pcrs-simulator';
import { makePlace, type Place } from './programs.ts';

/** Secrets that are found in any text, in their own spelling or any in which they travel. */
export const canaries = {
  password: 'Canary!one&two+three%41',
  proxyPassword: 'Canary-of-the-proxy',
} as const;

const spellings = Object.values(canaries).flatMap((secret) => [
  secret,
  encodeURIComponent(secret),
  new URLSearchParams({ p: secret }).toString().slice(2),
  Buffer.from(secret).toString('base64').replace(/=+$/, ''),
  Buffer.from(`proxyuser:${secret}`).toString('base64'),
]);

/** Start of every token of the simulator; the real gateway's start the same way. */
const token = /eyJ(?:hbGciOi|zdWIiOi)[\w-]{5,}|Bearer [\w-]{8,}/i;

/** The first secret in a text, with its surroundings; undefined if there is none. */
export function leakIn(text: string): string | undefined {
  const found = spellings.find((spelling) => text.includes(spelling)) ?? token.exec(text)?.[0];
  if (found === undefined) return undefined;
  const at = text.indexOf(found);
  return text.slice(Math.max(0, at - 60), at + found.length + 20);
}

/** A place with canaries for secrets, in which every output is searched, and every file when it is closed. */
export async function watchedPlace(name: string, options: SimulatorOptions = {}): Promise<Place> {
  const place = await makePlace(name, options);
  place.env['PCRS_PASSWORD'] = canaries.password;
  const home = dirname(place.folder());
  return {
    ...place,
    async bash(line, more) {
      const ended = await place.bash(line, more);
      assert.equal(
        leakIn(`${ended.stdout}\n${ended.stderr}`),
        undefined,
        `a secret in the output of ${line}`,
      );
      return ended;
    },
    async close() {
      const files = filesBelow(home);
      try {
        for (const path of files) checkFile(home, path);
      } finally {
        await place.close();
      }
    },
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

/** Tokens are in token files only; token files, databases, CSV files and archives are private. */
function checkFile(home: string, path: string): void {
  const name = relative(home, path);
  const isToken = /\/tokens\/[^/]+\/[^/]+\.json$/.test(path);
  const isOurs = isToken || /\.(db|csv)$|\/kept\/|\/pacing\//.test(path);
  if (isOurs) assert.equal(statSync(path).mode & 0o077, 0, `others may read ${name}`);
  if (isToken) assert.equal(statSync(dirname(path)).mode & 0o077, 0, `others may enter ${dirname(name)}`);
  else assert.equal(leakIn(readFileSync(path, 'latin1')), undefined, `a secret in ${name}`);
}
