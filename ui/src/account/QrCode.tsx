import { useMemo } from 'react'
import { encode } from 'uqr'

const QUIET = 4

/** Drawn in this page: the text goes to no other host. Dark on light in both colour schemes, or cameras miss it. */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { size, path } = useMemo(() => draw(text), [text])
  return (
    <svg role="img" aria-label={label} viewBox={`0 0 ${size} ${size}`} width={208} height={208} shapeRendering="crispEdges" style={{ maxWidth: '100%', borderRadius: 8 }}>
      <rect width={size} height={size} fill="#fff" />
      <path d={path} fill="#000" />
    </svg>
  )
}

function draw(text: string): { size: number; path: string } {
  const code = encode(text, { border: QUIET })
  const path = code.data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : ''))).join('')
  return { size: code.size, path }
}
