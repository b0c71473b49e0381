// Writes the completion scripts of bash, zsh and fish from a description of all commands. Pure.

export interface CompletedOption {
  /** Without its hyphens. */
  readonly name: string
  readonly takesValue: boolean
  readonly mayRepeat: boolean
  readonly description: string
}

export interface CompletedCommand {
  readonly name: string
  readonly summary: string
  /** What its first argument can be; empty where that is a file or a URL. */
  readonly words: readonly string[]
  readonly options: readonly CompletedOption[]
}

export const shells = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof shells)[number]

export function completionScript(shell: Shell, commands: readonly CompletedCommand[]): string {
  switch (shell) {
    case 'bash':
      return bashScript(commands)
    case 'zsh':
      return zshScript(commands)
    case 'fish':
      return fishScript(commands)
  }
}

const topLevel = ['--help', '--version'] as const

const flagsOf = ({ options }: CompletedCommand): string[] => options.map(({ name }) => `--${name}`)

/** In single quotes, in which all three shells take everything as it is but the quote. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`

function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map((command) => {
    const valued = command.options.filter(({ takesValue }) => takesValue)
    return `    ${command.name})
        first="${command.words.join(' ')}"
        options="${flagsOf(command).join(' ')}"
        valued="${valued.map(({ name }) => `--${name}`).join(' ')}"
        ;;`
  })
  return `# bash completion of ossup. Use it now: source <(ossup completion bash)
# Always: ossup completion bash > ~/.local/share/bash-completion/completions/ossup
_ossup() {
    local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
    local first options valued words=
    case \${COMP_WORDS[1]} in
${cases.join('\n')}
    esac
    COMPREPLY=()
    if [[ $COMP_CWORD -eq 1 ]]; then
        words="${[...commands.map(({ name }) => name), ...topLevel].join(' ')}"
    elif [[ " $valued " == *" $previous "* ]]; then
        # The value of an option is completed as a file name, like everything for which there are no words.
        return
    elif [[ $current == -* ]]; then
        words=$options
    elif [[ $COMP_CWORD -eq 2 ]]; then
        words=$first
    fi
    [[ -n $words ]] && COMPREPLY=($(compgen -W "$words" -- "$current"))
    return 0
}
complete -o default -F _ossup ossup
`
}

/** A description in \`_arguments\` is in brackets, and colons end it. */
const zshText = (text: string): string => text.replace(/[[\]:\\]/g, '\\$&')

function zshScript(commands: readonly CompletedCommand[]): string {
  const described = commands.map(({ name, summary }) =>
    quoted(`${name}:${summary.replaceAll(':', '\\:')}`),
  )
  const cases = commands.map((command) => {
    const options = command.options.map(({ name, takesValue, mayRepeat, description }) =>
      quoted(
        `${mayRepeat ? '*' : ''}--${name}${takesValue ? '=' : ''}[${zshText(description)}]${takesValue ? ':value:_files' : ''}`,
      ),
    )
    const first = command.words.length === 0 ? [] : [quoted(`1:what:(${command.words.join(' ')})`)]
    const all = [...options, ...first, quoted('*:file:_files')]
    return `    ${command.name})
        _arguments \\
            ${all.join(' \\\n            ')}
        ;;`
  })
  return `#compdef ossup
# zsh completion of ossup. Use it now: source <(ossup completion zsh)
# Always: ossup completion zsh > <a directory of $fpath>/_ossup
_ossup() {
    local -a commands
    if (( CURRENT == 2 )); then
        commands=(
            ${described.join('\n            ')}
        )
        _describe -t commands 'ossup command' commands
        _arguments '--help[show the commands]' '--version[show the version]'
        return
    fi
    shift words
    (( CURRENT -= 1 ))
    case $words[1] in
${cases.join('\n')}
    esac
}
if [[ $funcstack[1] == _ossup ]]; then
    _ossup "$@"
else
    compdef _ossup ossup
fi
`
}

function fishScript(commands: readonly CompletedCommand[]): string {
  const lines = commands.flatMap(({ name, summary, words, options }) => {
    const here = `-n '__fish_seen_subcommand_from ${name}'`
    const first = words.map(
      (word) =>
        `complete -c ossup -n '__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${words.join(' ')}' -f -a ${word}`,
    )
    return [
      `complete -c ossup -n __fish_use_subcommand -f -a ${name} -d ${fishQuoted(summary)}`,
      ...first,
      ...options.map(
        ({ name: option, takesValue, description }) =>
          `complete -c ossup ${here} -l ${option}${takesValue ? ' -r' : ''} -d ${fishQuoted(description)}`,
      ),
    ]
  })
  return `# fish completion of ossup. Use it now: ossup completion fish | source
# Always: ossup completion fish > ~/.config/fish/completions/ossup.fish
complete -c ossup -n __fish_use_subcommand -f -l help -d 'show the commands'
complete -c ossup -n __fish_use_subcommand -f -l version -d 'show the version'
${lines.join('\n')}
`
}

/** In fish's single quotes a backslash escapes itself and the quote. */
const fishQuoted = (text: string): string => `'${text.replace(/[\\']/g, '\\$&')}'`
