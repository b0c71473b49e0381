// Refuses options that an operation does not have: a misspelt one would be ignored without a word.

/** Every option of `Options`; the compiler sees to it that none is left out. */
export type OptionNames<Options> = Readonly<Record<keyof Required<Options>, true>>

/** @throws {TypeError} naming the first option that is not among `names`. */
export function assertKnownOptions<Options extends object>(
  operation: string,
  options: Options,
  names: OptionNames<Options>,
): void {
  for (const name of Object.keys(options)) {
    if (!Object.hasOwn(names, name)) {
      throw new TypeError(`${operation} has no option ${JSON.stringify(name)}`)
    }
  }
}
