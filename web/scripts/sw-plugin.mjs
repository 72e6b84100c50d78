// Builds src/sw/sw.ts beside the app and writes into it the list of files that make up the shell. The worker's own
// bytes change with any of them, which is how a browser learns that there is an update.

import { createHash } from 'node:crypto';
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { transformWithOxc } from 'vite';

function files(dir, root = dir) {
  return readdirSync(dir, { withFileTypes: true }).flatMap((d) => {
    const p = join(dir, d.name);
    return d.isDirectory() ? files(p, root) : ['/' + relative(root, p).replaceAll('\\', '/')];
  });
}

export function serviceWorker() {
  let out = 'dist';
  return {
    name: 'wardline-service-worker',
    apply: 'build',
    configResolved(c) { out = join(c.root, c.build.outDir); },
    async closeBundle() {
      const source = readFileSync(new URL('../src/sw/sw.ts', import.meta.url), 'utf8');
      const { code } = await transformWithOxc(source, 'sw.ts', { target: 'es2022' });
      const shell = files(out).filter((f) => !/\.gitkeep$|\.(br|gz)$|^\/sw\.js$|^\/icon-512|^\/assets\/pdf[.-]/.test(f)).sort(); // the PDF reader is large and comes when it is first needed
      const hash = createHash('sha256');
      for (const f of shell) hash.update(f).update(readFileSync(join(out, f)));
      const list = shell.map((f) => (f === '/index.html' ? '/' : f));
      const version = hash.digest('hex').slice(0, 12);
      const js = code.replace('__SHELL__', JSON.stringify(list)).replace('__VERSION__', JSON.stringify(version))
        .replace(/^export \{\};?\s*$/m, '');
      writeFileSync(join(out, 'sw.js'), js);
    },
  };
}
