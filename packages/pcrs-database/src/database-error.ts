import { type CodedError, codedError } from 'pcrs-records/errors';

type Sentence = ['PCRS_USAGE' | 'PCRS_RECORD' | 'PCRS_MACHINE', string];

/** Purpose of opening a file: a database to read is input, one to write is output. */
export type Purpose = 'reading' | 'writing';

/** An error of SQLite as a sentence with one of our codes; any other error is returned as it is. */
export function databaseError(error: unknown, path: string, purpose: Purpose = 'writing'): CodedError {
  const { code = '' } = error as { code?: string };
  return code.startsWith('SQLITE_') ? machineError(error, path, purpose) : (error as CodedError);
}

/** The same, also for errors of the file system. */
export function machineError(error: unknown, path: string, purpose: Purpose = 'writing'): CodedError {
  const { code = '', message } = error as { code?: string; message: string };
  if (code.startsWith('PCRS_')) return error as CodedError;
  const [ours, sentence] = (purpose === 'reading' ? readingSentence : writingSentence)(code, message);
  return codedError(ours, `${path} ${sentence}`, { cause: error });
}

function readingSentence(code: string, message: string): Sentence {
  if (code === 'SQLITE_NOTADB') return ['PCRS_RECORD', 'is not a database; pcrs-to-sqlite makes one'];
  if (isLocked(code))
    return ['PCRS_MACHINE', 'is being written by another program; try again when it has finished'];
  if (code === 'SQLITE_READONLY_ROLLBACK' || code === 'SQLITE_READONLY_RECOVERY') {
    return [
      'PCRS_MACHINE',
      'has an unfinished write of a process that died; the next pcrs-to-sqlite into it undoes that write',
    ];
  }
  if (isRefused(code)) return ['PCRS_MACHINE', `cannot be read by this user (${message})`];
  if (code.startsWith('SQLITE_CORRUPT')) {
    return ['PCRS_RECORD', `is damaged (${message}); restore it, or load it again`];
  }
  return otherSentence(code, message);
}

function writingSentence(code: string, message: string): Sentence {
  if (code === 'SQLITE_NOTADB') return ['PCRS_USAGE', 'is not a database; give a new file name'];
  if (isLocked(code)) return ['PCRS_MACHINE', 'is locked by another program; try again when it has finished'];
  if (code === 'SQLITE_FULL' || code === 'ENOSPC' || code === 'EDQUOT') {
    return ['PCRS_MACHINE', 'cannot grow because the disk is full; what was committed before remains'];
  }
  if (isRefused(code)) return ['PCRS_MACHINE', `cannot be written by this user (${message})`];
  if (code.startsWith('SQLITE_CORRUPT')) {
    return ['PCRS_MACHINE', `is damaged (${message}); restore it, or give a new file name`];
  }
  return otherSentence(code, message);
}

function otherSentence(code: string, message: string): Sentence {
  if (code.startsWith('SQLITE_CANTOPEN')) {
    return ['PCRS_MACHINE', `cannot be opened, or its journal cannot be created beside it (${message})`];
  }
  return ['PCRS_MACHINE', `failed: ${message}${code === '' ? '' : ` (${code})`}`];
}

function isRefused(code: string): boolean {
  return code.startsWith('SQLITE_READONLY') || ['EACCES', 'EROFS', 'EPERM', 'SQLITE_PERM'].includes(code);
}

/** Whether SQLite found the file in use; it may be free a little later. */
export function isLocked(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'));
}
