import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Why no library can be preloaded here, as a test's `skip`; false if one can. */
export const noPreload: string | false =
  process.platform !== 'linux'
    ? 'LD_PRELOAD is of Linux'
    : spawnSync('cc', ['--version']).status === 0
      ? false
      : 'there is no C compiler (cc)';

/**
 * Compiles C code into a library that overrides the system's.
 *
 * Yields  the environment that loads it, and a function that removes it
 */
export function preload(code: string): { env: { LD_PRELOAD: string }; remove(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'pcrs-preload-'));
  const [source, library] = [join(folder, 'shim.c'), join(folder, 'shim.so')];
  writeFileSync(source, `#define _GNU_SOURCE\n${code}`);
  const { status, stderr } = spawnSync('cc', ['-shared', '-fPIC', '-o', library, source, '-ldl'], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return { env: { LD_PRELOAD: library }, remove: () => rmSync(folder, { recursive: true }) };
}

/** C code that makes functions fail with an error, as on a file system that lacks them: `{ symlink: 'EPERM' }`. */
export function failing(functions: Readonly<Record<string, string>>): string {
  const bodies = Object.entries(functions).map(
    ([name, code]) => `int ${name}() { errno = ${code}; return -1; }`,
  );
  return `#include <errno.h>\n${bodies.join('\n')}\n`;
}

/** C code for a file system on which a directory cannot be synced, as on some network volumes. */
export const withoutDirectorySync = `
#include <dlfcn.h>
#include <errno.h>
#include <sys/stat.h>
static int synced(const char *name, int fd) {
  struct stat about;
  if (fstat(fd, &about) == 0 && S_ISDIR(about.st_mode)) { errno = EINVAL; return -1; }
  int (*real)(int) = dlsym(RTLD_NEXT, name);
  return real(fd);
}
int fsync(int fd) { return synced("fsync", fd); }
int fdatasync(int fd) { return synced("fdatasync", fd); }
`;

/** C code for a wall clock that is this many seconds ahead (or, negative, behind). */
export function clockOff(seconds: number): string {
  return `
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
static const long off = ${seconds};
int clock_gettime(clockid_t id, struct timespec *t) {
  static int (*real)(clockid_t, struct timespec *);
  if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
  int r = real(id, t);
  if (r == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) t->tv_sec += off;
  return r;
}
int gettimeofday(struct timeval *t, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
`;
}

/** C code for a file system without file locks: asking for one fails with ENOLCK, as on some network volumes. */
export const withoutFileLocks = `
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
static int asked(const char *name, int fd, int command, void *argument) {
  if (command == F_SETLK || command == F_SETLKW || command == F_OFD_SETLK) { errno = ENOLCK; return -1; }
  int (*real)(int, int, ...) = dlsym(RTLD_NEXT, name);
  return real(fd, command, argument);
}
int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void *argument = va_arg(list, void *);
  va_end(list);
  return asked("fcntl", fd, command, argument);
}
int fcntl64(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void *argument = va_arg(list, void *);
  va_end(list);
  return asked("fcntl64", fd, command, argument);
}
`;
