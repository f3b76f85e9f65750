/** Subject of a control's texts; a policy's controls come from the families of its technologies. */
export type Family = 'windows' | 'linux' | 'oracle' | 'mssql';

/** A technology as Qualys counts them: an operating system, or a database that runs on one. */
export interface Technology {
  readonly id: number;
  readonly name: string;
  readonly family: Family;
  /** Hosts that have it: those whose index modulo 20 is listed, so that host lists follow by arithmetic. */
  readonly slots: readonly number[];
  /** For a database: the names of instances, of which a host has one to three. */
  readonly instances?: readonly string[];
  /** For a system: its name in the record. */
  readonly os?: string;
  readonly osCpe?: string;
  readonly netBios?: string;
}

/** Period after which hosts repeat their technologies. */
export const SLOTS = 20;

/** The technologies of the world. */
export const technologies = {
  server2022: {
    id: 285,
    name: 'Windows Server 2022',
    family: 'windows',
    slots: [0, 4, 8, 12, 16, 18],
    os: 'Windows Server 2022 Datacenter 64 bit Edition Version 21H2',
    osCpe: 'cpe:/o:microsoft:windows_server_2022:21h2::x64:',
    netBios: 'SRV',
  },
  rhel9: {
    id: 297,
    name: 'Red Hat Enterprise Linux 9.x',
    family: 'linux',
    slots: [1, 5, 9, 13],
    os: 'Red Hat Enterprise Linux 9.4 (Plow)',
    osCpe: 'cpe:/o:redhat:enterprise_linux:9.4:::',
    netBios: 'RHEL',
  },
  oracleLinux8: {
    id: 230,
    name: 'Oracle Enterprise Linux 8.x',
    family: 'linux',
    slots: [2, 10, 15],
    os: 'Oracle Enterprise Linux 8.10',
    osCpe: 'cpe:/o:oracle:linux:8:10::',
    netBios: 'ORA',
  },
  windows11: {
    id: 331,
    name: 'Windows 11',
    family: 'windows',
    slots: [3, 11, 19],
    os: 'Windows 11 Pro 64 bit Edition Version 23H2',
    osCpe: 'cpe:/o:microsoft:windows_11:23h2::x64:',
    netBios: 'WS',
  },
  ubuntu2204: {
    id: 301,
    name: 'Ubuntu 22.x',
    family: 'linux',
    slots: [6, 14],
    os: 'Ubuntu Linux 22.04.4 LTS',
    osCpe: 'cpe:/o:canonical:ubuntu_linux:22.04:::',
    netBios: 'UBU',
  },
  server2019: {
    id: 248,
    name: 'Windows 2019 Server',
    family: 'windows',
    slots: [7, 17],
    os: 'Windows Server 2019 Standard 64 bit Edition Version 1809',
    osCpe: 'cpe:/o:microsoft:windows_server_2019:1809::x64:',
    netBios: 'SQL',
  },
  oracle19c: {
    id: 261,
    name: 'Oracle 19c',
    family: 'oracle',
    slots: [2, 10, 15],
    instances: ['Oracle19c:1:1521:ORCLPRD1', 'Oracle19c:1:1522:HRPAYROLL', 'Oracle19c:2:1521:"DWH"'],
  },
  mssql2019: {
    id: 257,
    name: 'Microsoft SQL Server 2019',
    family: 'mssql',
    slots: [7, 17],
    instances: ['MSSQLSERVER:1433:master', 'SQL\\PAYROLL:1434:msdb'],
  },
  aix72: { id: 179, name: 'AIX 7.x', family: 'linux', slots: [] },
} as const satisfies Record<string, Technology>;

/** The operating system of a slot. */
export function systemOf(slot: number): Technology {
  for (const technology of Object.values<Technology>(technologies)) {
    if (technology.os !== undefined && technology.slots.includes(slot)) return technology;
  }
  throw new RangeError(`no technology has slot ${slot}`);
}
