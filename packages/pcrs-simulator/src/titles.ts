import { type Technology, technologies as t } from './technologies.ts';

/** A policy of the library: its title and its technologies. */
interface Benchmark {
  readonly title: string;
  readonly technologies: readonly Technology[];
  /** Share of failing postures, before criticality and host are weighed in. */
  readonly failing: number;
}

/** In the order of use, so that a world of five already has Windows, Linux and Oracle. */
export const benchmarks: readonly Benchmark[] = [
  {
    title: 'CIS Benchmark for Microsoft Windows Server 2022, v3.0.0 [Scored, Level 1 and Level 2]',
    technologies: [t.server2022],
    failing: 0.24,
  },
  { title: 'DISA STIG for Red Hat Enterprise Linux 9, V2R3', technologies: [t.rhel9], failing: 0.38 },
  { title: 'DISA STIG for Oracle Database 19c, V1R1', technologies: [t.oracle19c], failing: 0.31 },
  {
    title: 'CIS Benchmark for Microsoft Windows 11 Enterprise, v2.0.0 (superseded)',
    technologies: [t.windows11],
    failing: 0.45,
  },
  { title: 'CIS Benchmark for IBM AIX 7.2, v1.1.0', technologies: [t.aix72], failing: 0.3 },
  {
    title: 'PCI DSS v4.0.1 – Windows servers and workstations',
    technologies: [t.server2022, t.server2019, t.windows11],
    failing: 0.12,
  },
  { title: 'PCI DSS v4.0.1 – Linux', technologies: [t.rhel9, t.ubuntu2204, t.oracleLinux8], failing: 0.17 },
  {
    title: 'CIS Benchmark for Microsoft Windows 11 Enterprise, v4.0.0',
    technologies: [t.windows11],
    failing: 0.21,
  },
  { title: 'DISA STIG for Microsoft Windows Server 2022, V2R4', technologies: [t.server2022], failing: 0.34 },
  { title: 'CIS Ubuntu Linux 22.04 LTS Benchmark, v2.0.0', technologies: [t.ubuntu2204], failing: 0.28 },
  { title: 'CIS Oracle Database 19c Benchmark, v1.2.0', technologies: [t.oracle19c], failing: 0.19 },
  {
    title: 'ANSSI-BP-028 – Recommandations de sécurité relatives à un système GNU/Linux',
    technologies: [t.rhel9, t.oracleLinux8],
    failing: 0.41,
  },
  {
    title: 'DISA STIG for Microsoft SQL Server 2019 "Instance", V2R2',
    technologies: [t.mssql2019],
    failing: 0.29,
  },
  {
    title: 'CIS Benchmark for Microsoft Windows Server 2019, v3.0.1',
    technologies: [t.server2019],
    failing: 0.26,
  },
  { title: 'NIST SP 800-171 Rev. 2 | Windows', technologies: [t.server2022, t.windows11], failing: 0.15 },
  { title: 'DISA STIG for Canonical Ubuntu 22.04 LTS, V2R2', technologies: [t.ubuntu2204], failing: 0.37 },
  { title: 'CIS Red Hat Enterprise Linux 9 Benchmark, v2.0.0', technologies: [t.rhel9], failing: 0.22 },
  { title: 'CIS Oracle Linux 8 Benchmark, v3.0.0', technologies: [t.oracleLinux8], failing: 0.2 },
  {
    title: "Group hardening baseline: 'no exceptions'",
    technologies: [t.server2022, t.rhel9],
    failing: 0.08,
  },
  {
    title: 'Microsoft SQL Server 2019 – CIS Benchmark, v1.4.0',
    technologies: [t.mssql2019],
    failing: 0.18,
  },
  {
    title: 'HIPAA Security Rule 2003 (Linux hosts, α-Zone)',
    technologies: [t.rhel9, t.ubuntu2204],
    failing: 0.11,
  },
];

/** Owner of a copy, if the library is used more than once. */
export const units = [
  'EMEA Production',
  'Americas Production',
  'APAC Production',
  'Payments',
  'Human Resources',
  'Ärzteportal (DE)',
  'DMZ',
  'Research & Development',
  'Disaster recovery',
  'Kuala Lumpur, building 7',
];
