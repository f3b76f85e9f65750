import { hash, pick } from './hash.ts';
import { type Setting, scopes, settings } from './settings.ts';
import type { Family } from './technologies.ts';

/** A result on a host: the evidence and the cause of failure, as JSON texts. */
export interface Finding {
  readonly evidence: string;
  readonly extended: string;
  readonly cause: string;
}

/** The texts of one control, repeated in each of its records. */
export interface ControlTexts {
  readonly controlId: number;
  readonly statement: string;
  readonly rationale: string;
  readonly remediation: string;
  readonly passed: readonly Finding[];
  readonly failed: readonly Finding[];
  readonly error: Finding;
}

const firstControlId: Record<Family, number> = { windows: 1045, linux: 4106, oracle: 7203, mssql: 11020 };

const subjects: Record<Family, string> = {
  windows: 'Windows hosts',
  linux: 'Linux hosts',
  oracle: 'Oracle instances',
  mssql: 'SQL Server instances',
};

const reasons = [
  'An attacker who reaches this system can use the setting to move on to others; the longer it stays as it is, the more accounts are exposed.',
  'Left at its default, it lets anyone who can log on read or change what only administrators should, and leaves no trace in the audit log.',
  'Auditors ask for evidence of this setting under requirement 2.2 and 8.3; «compensating controls» need a written exception – see the group’s policy.',
  'A weak value was the way in for several incidents of the kind known as "living off the land", where nothing needs to be installed.',
];

const lastSteps: Record<Family, readonly string[]> = {
  windows: [
    'Run gpupdate /force (C:\\Windows\\System32\\gpupdate.exe)',
    'Sign out and in again, then check with "gpresult /h C:\\Temp\\report.html"',
  ],
  linux: [
    "Run 'systemctl daemon-reload', then check with { get } again",
    'sed -i "s/^#\\s*//" the line, and restart the service',
  ],
  oracle: [
    'ALTER SYSTEM SET … SCOPE=SPFILE; restart the instance',
    "Ask the application's owner, then REVOKE … FROM PUBLIC;",
  ],
  mssql: [
    "EXEC sp_configure 'show advanced options', 1; RECONFIGURE;",
    'Restart [MSSQLSERVER] in the maintenance window',
  ],
};

const variants = 4;

/**
 * The texts of a family's n-th control. Controls beyond the family's settings are the same settings in other scopes.
 *
 * Takes   seed   decides the odd forms of evidence, not the texts
 */
export function controlTexts(seed: number, family: Family, n: number): ControlTexts {
  const list = settings[family];
  const setting = pick(list, n);
  const round = Math.floor(n / list.length);
  const scope =
    round === 0
      ? ''
      : ` (${pick(scopes[family], round - 1)}${round > 6 ? `, part ${Math.ceil(round / 6)}` : ''})`;
  const name = `${setting.name}${scope}`;
  const odd = hash(seed, n, family.length, 1);
  return {
    controlId: firstControlId[family] + n * 3 + (odd % 3),
    statement: `Status of the '${name}' setting`,
    rationale: `${pick(reasons, n)} The '${setting.name}' setting decides what ${subjects[family]} allow here, whatever an application asks for.${n % 6 === 5 ? '\n\nNote: \u2028 ＜全角＞ naïve façade, 5 µs, € 20.' : ''}`,
    remediation: `To set it:\n\n1. Open ${setting.place}\n2. Set "${setting.name}" to: ${setting.wanted}\n3. ${pick(lastSteps[family], n)}\n\nImpact: ${n % 3 === 0 ? 'none was reported [tested on 3 of 3 pilots].' : "users see a message; see the owner's run book, chapter “Hardening”, before roll-out."}`,
    passed: [0, 1].map((variant) => finding(setting, n, odd, setting.wanted, variant)),
    failed: Array.from({ length: variants }, (_, v) => finding(setting, n, odd, pick(setting.met, v), v + 2)),
    error: { evidence: 'null', extended: 'null', cause: 'null' },
  };
}

function finding(setting: Setting, n: number, odd: number, met: string, variant: number): Finding {
  const failed = variant > 1;
  const current = spiced(met, n, variant, /^(HK|SAM|User Rights|icacls|Adv|Win32)/.test(setting.place));
  const expected = expectedValues(setting, n);
  const members = `"expectedValues":${JSON.stringify(expected)},"currentValues":${JSON.stringify(shaped(current, n, odd))}`;
  return {
    evidence: `{${members}}`,
    extended: `{${members},"extendedEvidence":${JSON.stringify(extended(setting, met, n))}}`,
    cause: failed ? JSON.stringify(cause(setting, met, n)) : 'null',
  };
}

function expectedValues(setting: Setting, n: number): string | string[] {
  if (n % 5 === 3) return [setting.wanted, `not defined in ${setting.place}`];
  return `${n % 2 === 0 ? 'equal to' : 'matches regular expression list'}:\n${setting.wanted}\nor\nin ${setting.place}`;
}

/** The inner types of evidence are unknown: mostly text, now and then a list or an object. */
function shaped(text: string, n: number, odd: number): unknown {
  if (n % 5 === 3) return text.split('\n');
  if (odd % 11 === 7) return { value: text, 'found in': { files: [], count: 1 } };
  return text;
}

/** Text that trips a careless reader. */
function spiced(text: string, n: number, variant: number, windows: boolean): string {
  const setter = windows
    ? 'Default Domain Policy, {31B2F340-016D-11D2-945F-00C04FB984F9}'
    : '99-hardening [rev 3]';
  if (variant === 1) return `${text}\t(set by "${setter}")`;
  if (variant === 3 && n % 7 === 0) return `${text}\u0000\u0000`;
  if (variant === 4 && n % 4 === 1) return `${text} \u2028→ überschrieben durch C:\\Temp\\"neu"\\[1].inf 🔒`;
  if (variant === 5) return `}]},{"id":0,"status":"Passed"} ${text}\r\n\\`;
  return text;
}

function extended(setting: Setting, met: string, n: number): unknown {
  return {
    command: `${setting.place.startsWith('HKLM') ? 'reg query' : 'show'} "${setting.place}"`,
    output: `${setting.name}\n    ${setting.place.startsWith('HKLM') ? 'REG_DWORD' : '='} ${met}\n\u001b[0mexit status: ${n % 2}\n`,
    collected: [{ line: 1, text: met }],
  };
}

function cause(setting: Setting, met: string, n: number): unknown {
  if (n % 5 === 3) return { missing: [setting.wanted], unexpected: met.split('\n') };
  if (met === 'Key not found' || met === 'Setting not found')
    return { missing: setting.wanted, unexpected: null };
  return { missing: n % 3 === 0 ? '' : setting.wanted, unexpected: met };
}
