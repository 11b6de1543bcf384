/** Input that the page refuses itself, with the field it stands next to. The text never holds the input. */
export class InputError extends Error {
  constructor(
    readonly field: string,
    text: string,
  ) {
    super(text)
  }
}
