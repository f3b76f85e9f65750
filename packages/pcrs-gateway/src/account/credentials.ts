import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Secrets } from 'pcrs-records/secrets';
import { usageError } from '../ask/gateway-error.ts';

/** Options that hold credentials. */
export interface CredentialOptions {
  username?: string | undefined;
  passwordFile?: string | undefined;
  passwordCommand?: string | undefined;
  tokenFile?: string | undefined;
  tokenCommand?: string | undefined;
  profilePassword?: string | undefined;
  /** The profile's user, also if a flag names another. */
  profileUsername?: string | undefined;
  credentials?: { username?: string; password?: string; gateway?: string } | undefined;
  /** Asks the person at the terminal; undefined without one. */
  prompt?: ((question: string) => Promise<string | undefined>) | undefined;
  strict?: boolean | undefined;
  env: Record<string, string | undefined>;
  uid: number | undefined;
  signal: AbortSignal;
  log: { warn(message: string): void };
  origins?: Readonly<Record<string, string>> | undefined;
}

/** A source of a password or a token. */
export interface Source {
  /** Its name in messages. */
  name: string;
  /** The only user it serves, if it names one. */
  user: string | undefined;
  /** Whether other stages, which have the same environment and profile but not the same flags, can use it too. */
  shared: boolean;
  /** Whether reading it again may give a new value. */
  renewable: boolean;
  read(): Promise<string | undefined>;
}

/** Password sources in order of precedence; a prompt comes last. */
export function passwordSources(options: CredentialOptions, secrets: Secrets): Source[] {
  const { credentials, passwordFile, passwordCommand, profilePassword, prompt, env } = options;
  const sources: (Source | undefined)[] = [
    credentials?.password === undefined
      ? undefined
      : fixed('--credentials', credentials.username ?? options.username, false, credentials.password),
    passwordFile === undefined
      ? undefined
      : fileSource('--password-file', 'passwordFile', passwordFile, options),
    passwordCommand === undefined
      ? undefined
      : commandSource('--password-command', 'passwordCommand', passwordCommand, options, secrets),
    env['PCRS_PASSWORD']
      ? fixed('PCRS_PASSWORD', userOf('environment', options), true, env['PCRS_PASSWORD'])
      : undefined,
    profilePassword === undefined
      ? undefined
      : fixed("the profile's password", profileUser(options), true, profilePassword),
    serviceCredential(options),
    prompt === undefined
      ? undefined
      : {
          ...{ name: 'the prompt', user: options.username, shared: false, renewable: false },
          read: () => prompt(`Password of ${options.username ?? 'the user'}: `),
        },
  ];
  return sources.filter((source) => source !== undefined);
}

/** Source of a token obtained elsewhere: the first set of --token-file, --token-command and PCRS_TOKEN. */
export function tokenSource(options: CredentialOptions, secrets: Secrets): Source | undefined {
  const { tokenFile, tokenCommand, env } = options;
  if (tokenFile !== undefined) return fileSource('--token-file', 'tokenFile', tokenFile, options);
  if (tokenCommand !== undefined) {
    return commandSource('--token-command', 'tokenCommand', tokenCommand, options, secrets);
  }
  if (!env['PCRS_TOKEN']) return undefined;
  return fixed('PCRS_TOKEN', userOf('environment', options), true, env['PCRS_TOKEN']);
}

/** The password that a service manager provides (systemd, LoadCredential=pcrs-password:…). */
function serviceCredential(options: CredentialOptions): Source | undefined {
  const directory = options.env['CREDENTIALS_DIRECTORY'];
  const path = directory === undefined ? undefined : join(directory, 'pcrs-password');
  if (path === undefined || !existsSync(path)) return undefined;
  // Access to the directory is what protects the file; its mode does not matter.
  const source = fileSource('CREDENTIALS_DIRECTORY', 'passwordFile', path, { ...options, uid: undefined });
  return { ...source, user: userOf('environment', options), shared: true };
}

function fixed(name: string, user: string | undefined, shared: boolean, value: string): Source {
  return { name, user, shared, renewable: false, read: async () => value };
}

function fileSource(flag: string, option: string, path: string, options: CredentialOptions): Source {
  let last: string | undefined;
  let told = false;
  const warn = (message: string) => {
    if (!told) options.log.warn(message);
    told = true;
  };
  const { strict = false, uid, signal } = options;
  return {
    ...placed(flag, option, options),
    async read() {
      const { readSecretFile } = await import('./secret-file.ts');
      // A pipe such as /dev/fd/63 can be read once; a file is read again, since it may have changed.
      const text = await readSecretFile(path, { flag, strict, uid, signal, warn }).catch((error) => {
        if (last === undefined) throw error;
        return '';
      });
      last = text || last;
      if (last === undefined) throw usageError(`${flag} ${path}: is empty`);
      return last;
    },
  };
}

function commandSource(
  flag: string,
  option: string,
  command: string,
  options: CredentialOptions,
  secrets: Secrets,
): Source {
  secrets.add(command);
  const { env, signal } = options;
  return {
    ...placed(flag, option, options),
    async read() {
      const { outputOf } = await import('./command.ts');
      return outputOf(command, { flag, env, signal });
    },
  };
}

/** Origin of a flag: decides which user the source serves, and whether other stages have it too. */
function placed(flag: string, option: string, options: CredentialOptions): Omit<Source, 'read'> {
  const origin = options.origins?.[option] ?? 'flag';
  const user = userOf(origin, options);
  return { name: flag, user, shared: origin !== 'flag', renewable: true };
}

/** The user named by the flag's own origin, else the user in force. */
function userOf(origin: string, options: CredentialOptions): string | undefined {
  if (options.origins?.['username'] === origin) return options.username;
  if (origin === 'environment') return options.env['PCRS_USERNAME'] || options.username;
  if (origin === 'profile') return profileUser(options);
  return options.username;
}

/** The profile's user. If the profile names none and another origin does, its password serves nobody. */
function profileUser(options: CredentialOptions): string | undefined {
  if (options.origins?.['username'] === 'profile') return options.username;
  if ('profileUsername' in options) return options.profileUsername ?? options.username;
  const named = options.origins?.['username'] !== undefined && options.origins['username'] !== 'default';
  return named ? '(the user of the profile)' : options.username;
}
