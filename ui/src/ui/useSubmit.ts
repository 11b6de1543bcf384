import { useState, type FormEvent } from 'react'
import { fieldError } from './Problem'
import { InputError } from './InputError'

/** One action of a form: busy while it runs, and the error it ended with. It cannot be started twice. */
export function useSubmit(action: () => Promise<void>) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<unknown>(null)
  const run = async () => {
    if (busy) return
    setBusy(true)
    setError(null)
    try {
      await action()
    } catch (caught) {
      setError(caught)
    } finally {
      setBusy(false)
    }
  }
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault()
    const half = halfFilled(event.currentTarget)
    if (half) return setError(new InputError(half, 'Fill in every part of it, or clear it.'))
    void run()
  }
  /** What was said about a field is gone as soon as the field changes. */
  const edited = (field: string) => setError((before: unknown) => (fieldError(before, field) ? null : before))
  return { busy, error, setError, edited, run, submit }
}

/** The name of a field of several parts, such as a date, that a browser reads as empty. */
function halfFilled(form: HTMLFormElement): string | undefined {
  return [...form.elements].find((one): one is HTMLInputElement => one instanceof HTMLInputElement && one.validity.badInput)?.name
}
