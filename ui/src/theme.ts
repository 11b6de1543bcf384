import { colorsTuple, createTheme, DEFAULT_THEME, type CSSVariablesResolver, type MantineColorsTuple } from '@mantine/core'

const night: MantineColorsTuple = [
  '#eef0fc', '#dcdff5', '#b7bdea', '#8f98df', '#6d78d6', '#5864d0', '#4c59cc', '#3d49b4', '#3541a2', '#2a378f',
]

/** Text on a light ground of the same colour: Mantine's own darkest shade is too light for small text. */
function darker(name: 'red' | 'green' | 'yellow' | 'orange', text: string): MantineColorsTuple {
  return DEFAULT_THEME.colors[name]!.map((shade, index) => (index === 9 ? text : shade)) as unknown as MantineColorsTuple
}

export const theme = createTheme({
  primaryColor: 'night',
  primaryShade: { light: 7, dark: 5 },
  colors: {
    night,
    danger: colorsTuple('#c92a2a'),
    red: darker('red', '#a11616'),
    green: darker('green', '#17602a'),
    yellow: darker('yellow', '#7a4300'),
    orange: darker('orange', '#8a3400'),
  },
  defaultRadius: 'md',
  fontFamily: 'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "DejaVu Sans", sans-serif',
  fontFamilyMonospace: 'ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace',
  cursorType: 'pointer',
  components: {
    // Nearly every field is needed: those that are not say so.
    InputWrapper: { defaultProps: { withAsterisk: false } },
    Input: { classNames: { input: 'field' } },
    Checkbox: { classNames: { input: 'choice' } },
    Switch: { classNames: { track: 'track' } },
    Radio: { classNames: { radio: 'choice' } },
    Badge: { styles: { label: { textTransform: 'none' } } },
    // Where they belong in the document, so that they are inside its landmarks.
    Menu: { defaultProps: { withinPortal: false, withInitialFocusPlaceholder: false } },
    Tooltip: { defaultProps: { withinPortal: false, withArrow: true, openDelay: 300, events: { hover: true, focus: true, touch: false } } },
  },
})

// Mantine's muted colours stay below the contrast of WCAG 2.2 AA (4.5 to 1).
export const colours: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-dimmed': '#545b62',
    '--mantine-color-placeholder': '#697077',
    '--mantine-color-error': '#c92a2a',
  },
  dark: {
    '--mantine-color-text': '#e3e4e8',
    '--mantine-color-dimmed': '#b0b3b8',
    '--mantine-color-placeholder': '#9a9da3',
    '--mantine-color-error': '#ff8787',
    '--mantine-color-anchor': '#a9b1f3',
    '--mantine-color-red-light-color': '#ff8787',
  },
})
