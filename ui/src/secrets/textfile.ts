import { MAX_VALUE_BYTES } from '../seal/format'

/** The text of a file, or what keeps it from being a value. */
export async function readTextFile(file: Blob): Promise<{ text?: string; problem?: string }> {
  if (file.size === 0) return { problem: 'The file is empty.' }
  if (file.size > MAX_VALUE_BYTES) return { problem: 'The file is larger than 1 MiB.' }
  const bytes = new Uint8Array(await file.arrayBuffer())
  try {
    // Strict, and with a byte order mark kept: a value is stored as it is or not at all.
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    if (text.includes('\0')) return { problem: 'The file is not text. Encode binary data as base64 first.' }
    return { text }
  } catch {
    return { problem: 'The file is not UTF-8 text. Encode binary data as base64 first.' }
  } finally {
    bytes.fill(0)
  }
}
