import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { emoji } from './scripts/emoji-plugin.mjs';
import { pdfDecoders } from './scripts/pdf-plugin.mjs';
import { serviceWorker } from './scripts/sw-plugin.mjs';

export default defineConfig({
  plugins: [svelte(), emoji(), pdfDecoders(), serviceWorker()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // a data: address would be refused by the content security policy
    reportCompressedSize: false,
    sourcemap: false,
  },
  server: { proxy: { '/_matrix': 'http://127.0.0.1:8008', '/_wardline': 'http://127.0.0.1:8008' } },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});
