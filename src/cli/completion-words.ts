// Owns what the list of commands says of `completion`, apart from the command: the list is shown without loading it.

export const completionSynopsis = 'completion bash|zsh|fish'
export const completionSummary = 'print a script that completes commands and options'
