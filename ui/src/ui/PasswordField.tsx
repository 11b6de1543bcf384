import { PasswordInput, type PasswordInputProps } from '@mantine/core'

/** A password, with the eye within reach of the keyboard and an error that screen readers tell too. */
export function PasswordField(props: PasswordInputProps) {
  const toggle = { 'aria-label': 'Show or hide the password', tabIndex: 0 }
  return <PasswordInput required aria-invalid={props.error ? true : undefined} visibilityToggleButtonProps={toggle} {...props} />
}
