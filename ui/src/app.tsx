import { Center, Loader } from '@mantine/core'
import { lazy, Suspense, useEffect } from 'react'
import { Navigate, Route, Routes, useLocation } from 'react-router'
import { onSignedOut } from './api/client'
import { useSession } from './session/session'
import { SecretsPage } from './secrets/SecretsPage'
import { Shell } from './ui/Shell'
import { Problem } from './ui/Problem'
import { Home, MissingPage } from './ui/places'

const SetUpPage = lazy(() => import('./session/SetUpPage'))
const SignInPage = lazy(() => import('./session/SignInPage'))
const AccountPage = lazy(() => import('./account/AccountPage'))
const SitesPage = lazy(() => import('./sites/SitesPage'))
const ScriptsPage = lazy(() => import('./scripts/ScriptsPage'))
const ScriptPage = lazy(() => import('./scripts/ScriptPage'))
const RunsPage = lazy(() => import('./runs/RunsPage'))
const RunPage = lazy(() => import('./runs/RunPage'))
const OverviewPage = lazy(() => import('./overview/OverviewPage'))
const TriggersPage = lazy(() => import('./triggers/TriggersPage'))
const AdminsPage = lazy(() => import('./admins/AdminsPage'))

export function App() {
  return (
    <Suspense fallback={<Waiting />}>
      <Routes>
        <Route path="/setup" element={<SetUpPage />} />
        <Route path="/sign-in" element={<SignInPage />} />
        <Route element={<SignedIn />}>
          <Route index element={<Home />} />
          <Route path="/sites/:site" element={<OverviewPage />} />
          <Route path="/sites/:site/secrets" element={<SecretsPage />} />
          <Route path="/sites/:site/scripts" element={<ScriptsPage />} />
          <Route path="/sites/:site/scripts/:script" element={<ScriptPage />} />
          <Route path="/sites/:site/runs" element={<RunsPage />} />
          <Route path="/sites/:site/runs/:run" element={<RunPage />} />
          <Route path="/sites/:site/triggers" element={<TriggersPage />} />
          <Route path="/account" element={<AccountPage />} />
          <Route path="/sites" element={<SitesPage />} />
          <Route path="/admins" element={<AdminsPage />} />
          <Route path="*" element={<MissingPage />} />
        </Route>
      </Routes>
    </Suspense>
  )
}

function SignedIn() {
  const { data, error, refetch } = useSession()
  const location = useLocation()
  useEffect(() => onSignedOut(() => void refetch()), [refetch])
  if (error && !data) {
    return (
      <Center mih="100dvh" p="md">
        <Problem error={error} retry={() => void refetch()} />
      </Center>
    )
  }
  if (!data) return <Waiting />
  if (!data.admin) return <Navigate to={data.setup_needed ? '/setup' : '/sign-in'} replace state={{ from: location.pathname }} />
  return <Shell />
}

function Waiting() {
  return (
    <Center mih="60dvh" role="status" aria-label="Loading">
      <Loader />
    </Center>
  )
}
