/** Progress of a tool; all counts are totals so far. */
interface ProgressFields {
  requests?: number;
  /** Requests the rate allows right now, across all processes of this user. */
  allowance?: { left: number; seconds: number };
  policies?: number;
  hosts?: number;
  hostsTotal?: number;
  records?: number;
  bytes?: number;
  /** Reason for waiting; empty if not waiting. */
  waiting?: string;
}

/** Progress as one live line on a terminal, a plain line every 10 s, or nothing. */
export interface Progress {
  /** Whether anybody sees it; if not, skip counts that only progress needs. */
  readonly shown: boolean;
  /** Cheap; call often. */
  update(fields: ProgressFields): void;
  /** Gives counts that grow between updates; they are read each time the line is painted. */
  watch(counts: () => ProgressFields): void;
  /** Removes the live line, so that a message can be written. */
  clear(): void;
  stop(): void;
}

interface ProgressOptions {
  tool: string;
  mode: 'live' | 'plain' | 'none';
  /** Width of the terminal. */
  columns(): number;
  write(text: string): void;
}

/** Repaint interval of the live line, even if nothing moved: a stopped clock looks like a hang. */
const repaintMs = 1000;

/** Goes to the beginning of a terminal's line, and erases it. */
export const eraseLine = '\r\u001b[K';

/** Opens the progress of a tool. */
export function openProgress(options: ProgressOptions): Progress {
  if (options.mode === 'none') return { shown: false, update() {}, watch() {}, clear() {}, stop() {} };
  const startedAt = performance.now();
  const fields: ProgressFields = {};
  const live = options.mode === 'live';
  let shown = false;
  let shownAt = 0;
  let dirty = false;
  let counts: () => ProgressFields = () => ({});
  const clear = (): void => {
    if (shown) options.write(eraseLine);
    shown = false;
  };
  const show = (): void => {
    const now = performance.now();
    if (live && !dirty && now - shownAt < repaintMs) return;
    dirty = false;
    shownAt = now;
    Object.assign(fields, counts());
    const seconds = (now - startedAt) / 1000;
    if (!live) options.write(`${progressLine(options.tool, fields, seconds)}\n`);
    else {
      const line = progressLine(options.tool, fields, seconds, Math.max(20, options.columns() - 1));
      options.write(`\r${line}\u001b[K`);
      shown = true;
    }
  };
  const timer = setInterval(show, live ? 200 : 10_000).unref();
  return {
    shown: true,
    update(more) {
      Object.assign(fields, more);
      dirty = true;
    },
    watch(more) {
      counts = more;
    },
    clear,
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}

/**
 * `pcrs-posture: 36 policies, 40/200 hosts, 8,000 records, 31.0 MB at 3.1 MB/s, 12 requests (13 left in 60 s), 0:42
 * left, 0:10`.
 *
 * Takes  columns  available width; a longer line loses its least useful parts first
 */
export function progressLine(
  tool: string,
  fields: ProgressFields,
  seconds: number,
  columns = Number.POSITIVE_INFINITY,
): string {
  const parts = progressParts(fields, seconds);
  for (;;) {
    const line = `${tool}: ${parts.map(({ text }) => text).join(', ')}`;
    if (line.length <= columns || parts.length <= 1) return line.slice(0, columns);
    const least = parts.reduce((a, b) => (b.worth < a.worth ? b : a));
    if (least.short === undefined) parts.splice(parts.indexOf(least), 1);
    else Object.assign(least, { text: least.short, short: undefined });
  }
}

interface Part {
  text: string;
  worth: number;
  /** Tried before the part is dropped. */
  short?: string | undefined;
}

function progressParts(fields: ProgressFields, seconds: number): Part[] {
  const { requests, allowance, policies, hosts, hostsTotal, records, bytes, waiting } = fields;
  const parts: Part[] = [];
  const add = (worth: number, text: string, short?: string) => parts.push({ worth, text, short });
  const rate = (bytes ?? 0) / 1e6 / Math.max(seconds, 0.001);
  if (policies !== undefined) add(1, counted(policies, 'policy'));
  if (hosts !== undefined)
    add(8, hostsTotal ? `${withCommas(hosts)}/${counted(hostsTotal, 'host')}` : counted(hosts, 'host'));
  if (records !== undefined) add(7, counted(records, 'record'));
  const received = `${((bytes ?? 0) / 1e6).toFixed(1)} MB`;
  if (bytes) add(3, `${received} at ${rate.toFixed(1)} MB/s`, received);
  if (requests !== undefined) {
    const left = allowance && ` (${allowance.left} left in ${allowance.seconds} s)`;
    add(left ? 4 : 2, `${counted(requests, 'request')}${left ?? ''}`, left && counted(requests, 'request'));
  }
  if (hosts && hostsTotal && hosts < hostsTotal && seconds > 2)
    add(9, `${clock((seconds / hosts) * (hostsTotal - hosts))} left`);
  add(5, clock(seconds));
  if (waiting) add(6, waiting);
  return parts;
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours ? `${hours}:${tail}` : tail;
}

import { counted, withCommas } from 'pcrs-records/counted';
