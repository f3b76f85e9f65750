/** Shells with a completion script. */
export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/**
 * First argument of a completion query: a script calls the tool with it, followed by the words typed so far.
 */
export const completeArgument = '--complete';

/**
 * A completion script for these commands. It knows none of their flags: at each TAB it asks the command
 * itself (see `candidates.ts`), and leaves file names to the shell if the command offers nothing.
 */
export function completionScript(commands: readonly string[], shell: Shell): string {
  return scripts[shell](commands);
}

/** A name unique to these commands, so that several tools' scripts can be loaded side by side. */
function functionName(commands: readonly string[]): string {
  return `_${commands[0]!.replaceAll('-', '_')}_complete`;
}

const scripts: Readonly<Record<Shell, (commands: readonly string[]) => string>> = {
  bash(commands) {
    const name = functionName(commands);
    return `${name}() {
  local IFS=$'\\n'
  COMPREPLY=($("\${COMP_WORDS[0]}" ${completeArgument} "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F ${name} ${commands.join(' ')}
`;
  },
  zsh(commands) {
    const name = functionName(commands);
    return `#compdef ${commands.join(' ')}
${name}() {
  local -a found
  found=("\${(@f)$("\${words[1]}" ${completeArgument} "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -- "\${found[@]}"; else _files; fi
}
if [[ "$funcstack[1]" == _* ]]; then ${name}; else compdef ${name} ${commands.join(' ')}; fi
`;
  },
  fish(commands) {
    const name = `_${functionName(commands)}`;
    const lines = commands.map((command) => `complete -c ${command} -f -a '(${name})'`);
    return `function ${name}
  set -l words (commandline -opc) (commandline -ct)
  set -l found ($words[1] ${completeArgument} $words[2..] 2>/dev/null)
  if test (count $found) -gt 0
    printf '%s\\n' $found
  else
    __fish_complete_path (commandline -ct)
  end
end
${lines.join('\n')}
`;
  },
};
