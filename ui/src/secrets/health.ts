// The classes of failure in docs/formats.md, as something a person can act upon.
const OVERWRITE = 'Scripts get "" for it. Update value to store it anew.'
const REASONS: Record<string, string> = {
  authentication: `It was changed, moved or sealed to another key. ${OVERWRITE}`,
  swapped: `It was changed or exchanged in the database. ${OVERWRITE}`,
  format: `It is damaged. ${OVERWRITE}`,
  epoch: `It belongs to an older site key. ${OVERWRITE}`,
  rolled_back: `An older state was put back, as by restoring a backup. ${OVERWRITE}`,
  version: 'A newer release wrote it. Update nightdrop on the server, or store the value anew.',
  suite: `It uses algorithms that this release refuses. ${OVERWRITE}`,
  policy: 'Its usage policy is of a newer release. Update nightdrop on the server, or store the value anew.',
}

/** What is wrong with a secret and how to mend it; `undefined` when nothing is known to be wrong. */
export function healthProblem(health: string): string | undefined {
  if (health === 'ok' || health === 'unchecked') return undefined
  return REASONS[health] ?? OVERWRITE
}
