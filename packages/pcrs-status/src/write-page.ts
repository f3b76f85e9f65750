import { replaceFile } from 'pcrs-machine/file';

/**
 * Writes a page by rename, so that readers always see a whole one; readable by all, since collectors run as another
 * user.
 *
 * Throws  PCRS_MACHINE
 */
export function writePage(path: string, page: string): void {
  replaceFile(path, page, 0o644);
}
