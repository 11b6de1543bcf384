import react from '@vitejs/plugin-react'
import { defineConfig } from 'vitest/config'

export default defineConfig({
  plugins: [react()],
  build: {
    outDir: '../src/nightdrop/_web',
    emptyOutDir: true,
    target: 'es2022',
    // Values inlined as data: addresses would need a wider Content-Security-Policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
    manifest: true,
    // The texts that the licences of what is bundled ask for.
    license: { fileName: 'licenses.md' },
  },
  test: { environment: 'node', include: ['tests/**/*.test.{ts,tsx}'], reporters: ['default'] },
})
