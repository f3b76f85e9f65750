/** What a tool tells of its way; all counts are totals so far. */
export interface ProgressFields {
  requests?: number;
  policies?: number;
  hosts?: number;
  hostsTotal?: number;
  records?: number;
  bytes?: number;
  /** Why nothing moves right now; empty where it does. */
  waiting?: string;
}

/** One live line on a terminal, or a plain line every 10 s, or nothing. */
export interface Progress {
  /** Cheap; call at will. */
  update(fields: ProgressFields): void;
  /** Takes the live line away, so that a message can be written. */
  clear(): void;
  stop(): void;
}

export interface ProgressOptions {
  tool: string;
  mode: 'live' | 'plain' | 'none';
  /** Columns of the terminal. */
  columns(): number;
  write(text: string): void;
}

/** Opens the progress of a tool. */
export function openProgress(options: ProgressOptions): Progress {
  if (options.mode === 'none') return { update() {}, clear() {}, stop() {} };
  const startedAt = performance.now();
  const fields: ProgressFields = {};
  const live = options.mode === 'live';
  let shown = false;
  let dirty = false;
  const clear = (): void => {
    if (shown) options.write('\r\u001b[K');
    shown = false;
  };
  const show = (): void => {
    if (live && !dirty) return;
    dirty = false;
    const line = progressLine(options.tool, fields, (performance.now() - startedAt) / 1000);
    if (!live) options.write(`${line}\n`);
    else {
      options.write(`\r${line.slice(0, Math.max(20, options.columns() - 1))}\u001b[K`);
      shown = true;
    }
  };
  const timer = setInterval(show, live ? 200 : 10_000).unref();
  return {
    update(more) {
      Object.assign(fields, more);
      dirty = true;
    },
    clear,
    stop() {
      clearInterval(timer);
      clear();
    },
  };
}

/** `pcrs-posture: 12 requests, 40/200 hosts, 8,000 records, 3.1 MB/s, 0:42 left`. */
export function progressLine(tool: string, fields: ProgressFields, seconds: number): string {
  const { requests, policies, hosts, hostsTotal, records, bytes, waiting } = fields;
  const parts: string[] = [];
  if (requests !== undefined) parts.push(`${requests} requests`);
  if (policies !== undefined) parts.push(`${count(policies)} policies`);
  if (hosts !== undefined) parts.push(`${count(hosts)}${hostsTotal ? `/${count(hostsTotal)}` : ''} hosts`);
  if (records !== undefined) parts.push(`${count(records)} records`);
  if (bytes !== undefined && seconds > 0) parts.push(`${(bytes / 1e6 / seconds).toFixed(1)} MB/s`);
  if (hosts && hostsTotal && hosts < hostsTotal && seconds > 2) {
    parts.push(`${clock((seconds / hosts) * (hostsTotal - hosts))} left`);
  }
  parts.push(clock(seconds));
  if (waiting) parts.push(waiting);
  return `${tool}: ${parts.join(', ')}`;
}

function count(number: number): string {
  return number.toLocaleString('en-US');
}

function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const tail = `${String(minutes).padStart(hours ? 2 : 1, '0')}:${String(rest).padStart(2, '0')}`;
  return hours ? `${hours}:${tail}` : tail;
}
