// Prints what a browser loads to show the first page, as gzip; fails above the limit.
//   node first-load.mjs FOLDER
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'

const LIMIT = 350_000
const folder = process.argv[2]
const manifest = JSON.parse(readFileSync(join(folder, '.vite/manifest.json'), 'utf8'))
const files = new Set(['index.html'])

function add(name) {
  const chunk = manifest[name]
  if (files.has(chunk.file)) return
  files.add(chunk.file)
  for (const style of chunk.css ?? []) files.add(style)
  for (const needed of chunk.imports ?? []) add(needed)
}

for (const [name, chunk] of Object.entries(manifest)) if (chunk.isEntry) add(name)
const size = [...files].reduce((sum, file) => sum + gzipSync(readFileSync(join(folder, file)), { level: 9 }).length, 0)
console.log(`build  first load ${(size / 1000).toFixed(0)} kB gzip, limit ${LIMIT / 1000} kB`)
process.exitCode = size > LIMIT ? 1 : 0
