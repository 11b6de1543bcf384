import { NumberInput, TextInput } from '@mantine/core'
import { fieldError } from '../ui/Problem'
import type { FieldsProps } from './form'

/** Who is told when a run of the script has failed. */
export function NotifyFields({ typed, set, error }: FieldsProps) {
  return (
    <>
      <TextInput label="Mail addresses" description="With commas between them; by the mail server of the site's settings." autoComplete="off" value={typed.to} onChange={(event) => set({ to: event.currentTarget.value })} error={fieldError(error, 'to')} />
      <TextInput label="Or an address for a request" description="A JSON object with the text is posted there, as chat services take it." placeholder="https://" autoComplete="off" spellCheck={false} value={typed.url} onChange={(event) => set({ url: event.currentTarget.value })} error={fieldError(error, 'url')} />
      <TextInput label="Or a secret that holds such an address" description="Its name; many of these addresses are like passwords." autoComplete="off" spellCheck={false} value={typed.url_secret} onChange={(event) => set({ url_secret: event.currentTarget.value })} error={fieldError(error, 'url_secret')} />
      <NumberInput label="Minutes without another notice" description="The next one says how many failures there were." min={0} value={typed.every_minutes} onChange={(value) => set({ every_minutes: Number(value) })} error={fieldError(error, 'every_minutes')} />
    </>
  )
}
