import { commonFlags } from './common-flags.ts';
import type { Flag } from './flags.ts';
import type { Tool } from './tool.ts';

/** A completion script for bash or zsh, made from the flag table. */
export function completionScript(tool: Tool, shell: 'bash' | 'zsh'): string {
  const flags: [string, Flag<unknown>][] = Object.entries({ ...tool.flags, ...commonFlags });
  return shell === 'bash' ? bash(tool.name, flags) : zsh(tool.name, flags);
}

function bash(tool: string, flags: [string, Flag<unknown>][]): string {
  const name = `_${tool.replaceAll('-', '_')}`;
  const choices = flags
    .filter(([, flag]) => flag.choices)
    .map(
      ([flagName, flag]) =>
        `    --${flagName}) COMPREPLY=($(compgen -W "${flag.choices!.join(' ')}" -- "$word")); return ;;`,
    );
  return `${[
    `${name}() {`,
    '  local word="${COMP_WORDS[COMP_CWORD]}"',
    '  case "${COMP_WORDS[COMP_CWORD-1]}" in',
    ...choices,
    '  esac',
    '  if [[ $word == -* ]]; then',
    `    COMPREPLY=($(compgen -W "${flags.map(([flagName]) => `--${flagName}`).join(' ')}" -- "$word"))`,
    '  else',
    '    COMPREPLY=($(compgen -f -- "$word"))',
    '  fi',
    '}',
    `complete -o filenames -F ${name} ${tool}`,
  ].join('\n')}\n`;
}

function zsh(tool: string, flags: [string, Flag<unknown>][]): string {
  const quoted = (text: string) =>
    text.replace(/['[\]:]/g, (character) => (character === "'" ? "'\\''" : `\\${character}`));
  const specs = flags.map(([name, flag]) => {
    const value = flag.form === 'boolean' ? '' : `:${quoted(flag.value ?? 'value')}:${zshValues(flag)}`;
    return `  '--${name}${flag.form === 'boolean' ? '' : '='}[${quoted(flag.describe)}]${value}' \\`;
  });
  return `${[`#compdef ${tool}`, '_arguments \\', ...specs, "  '*:file:_files'"].join('\n')}\n`;
}

function zshValues(flag: Flag<unknown>): string {
  if (flag.choices) return `(${flag.choices.join(' ')})`;
  return flag.value === 'FILE' || flag.value === 'DIR' ? '_files' : ' ';
}
