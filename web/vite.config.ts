import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { again } from './scripts/again-plugin.mjs';
import { emoji } from './scripts/emoji-plugin.mjs';
import { pdfDecoders } from './scripts/pdf-plugin.mjs';
import { serviceWorker } from './scripts/sw-plugin.mjs';

// What the app needs before it shows anything is one file: each file costs a slow network a way there and back, and the bundler makes one of
// every module that a later screen shares with the start.
const first = new Set<string>();
function atTheStart(id: string, ctx: { getModuleInfo(id: string): { importedIds: string[] } | null }): string | null {
  if (first.size === 0) {
    const follow = (m: string): void => {
      if (first.has(m)) return;
      first.add(m);
      for (const next of ctx.getModuleInfo(m)?.importedIds ?? []) follow(next);
    };
    follow(new URL('src/main.ts', import.meta.url).pathname);
  }
  return first.has(id) ? 'start' : null;
}

export default defineConfig({
  plugins: [svelte(), again(), emoji(), pdfDecoders(), serviceWorker()],
  build: {
    target: 'es2022',
    modulePreload: { polyfill: false },
    assetsInlineLimit: 0, // a data: address would be refused by the content security policy
    reportCompressedSize: false,
    sourcemap: false,
    rolldownOptions: { output: { codeSplitting: { groups: [{ name: atTheStart }] } } },
  },
  server: { proxy: { '/_matrix': 'http://127.0.0.1:8008', '/_wardline': 'http://127.0.0.1:8008' } },
  test: { include: ['test/**/*.test.ts'], environment: 'node' },
});
