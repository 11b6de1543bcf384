import '@mantine/core/styles.css'
import './styles.css'
import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { createRoot } from 'react-dom/client'
import { BrowserRouter } from 'react-router'
import { ApiError } from './api/client'
import { App } from './app'
import { colours, theme } from './theme'
import { Announcer } from './ui/Announcer'

const nonce = document.querySelector<HTMLMetaElement>('meta[property=csp-nonce]')?.nonce ?? ''
// What locks the scroll behind a dialog makes a style element too, and asks for the nonce here.
Object.assign(globalThis, { __webpack_nonce__: nonce })
const schemes = localStorageColorSchemeManager({ key: 'nightdrop-colour-scheme' })
const queries = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 10_000,
      retry: (count, error) => count < 2 && error instanceof ApiError && (error.status === 0 || error.status >= 500),
    },
    mutations: { gcTime: 0 },
  },
})

createRoot(document.getElementById('root')!).render(
  <MantineProvider theme={theme} cssVariablesResolver={colours} defaultColorScheme="auto" colorSchemeManager={schemes} getStyleNonce={() => nonce}>
    <QueryClientProvider client={queries}>
      <BrowserRouter>
        <Announcer>
          <App />
        </Announcer>
      </BrowserRouter>
    </QueryClientProvider>
  </MantineProvider>,
)
