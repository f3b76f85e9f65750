import { replaceFile } from 'pcrs-machine/file';

/**
 * Writes a page where others read it, whole at every moment; readable by all, since collectors run as another user.
 *
 * Throws  PCRS_MACHINE
 */
export function writePage(path: string, page: string): void {
  replaceFile(path, page, 0o644);
}
