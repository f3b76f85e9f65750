import { variablePrefix } from 'pcrs-cli/suite';
import { isObject, type Scope, type Start } from 'pcrs-records/kinds';
import { scopeOfOptions } from 'pcrs-records/scope';
import { passedFlags, passedTo, stages } from './passed-flags.ts';

/** Sources of the stages' flags. */
interface FlagSources {
  /** Flags set for pcrs-etl alone, by name. */
  given: ReadonlyMap<string, unknown>;
  /** As written, with the settings of all tools. */
  profile: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string | undefined>>;
}

/**
 * Scope of the run that a start would make, known before any request; the stages' `start` records will show the same.
 */
export function scopeOfStart(sources: FlagSources): Scope {
  const scopes = stages.map((stage) => scopeOfOptions(stage, optionsOf(stage, sources)));
  const entries = scopes.flatMap((scope) => Object.entries(scope));
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** Options that a stage will have, of those that pcrs-etl knows. */
function optionsOf(stage: string, { given, profile, env }: FlagSources): Start['options'] {
  const settings = isObject(profile[stage]) ? profile[stage] : {};
  const names = Object.keys(passedFlags).filter((name) => passedTo[name]?.tools.includes(stage));
  return Object.fromEntries(
    names.flatMap((name) => {
      const variable = env[variablePrefix(stage) + name.toUpperCase().replaceAll('-', '_')] || undefined;
      const value = given.get(name) ?? written(name, variable) ?? written(name, settings[name]);
      return value === undefined || value === false ? [] : [[name, { value, from: 'flag' }]];
    }),
  );
}

/** A setting as the flag's parser returns it; the stage itself reports errors. */
function written(name: string, setting: unknown): unknown {
  if (setting === undefined) return undefined;
  const text = Array.isArray(setting) ? setting.join(',') : String(setting);
  try {
    return passedFlags[name as keyof typeof passedFlags].parse(text);
  } catch {
    return text;
  }
}
