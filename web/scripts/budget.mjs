// Fails when the first load has grown past what a ward's network should carry. First load is what index.html names
// and everything that those files import statically.

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

const limits = { js: 90_000, css: 16_000, lazy: 40_000 };
// The exceptions: a language's words, which come to those who chose it, and pdf.js, its worker and its decoders of faxes and scans, which come when somebody opens a PDF and never before. A reader of our own would be smaller
// only by reading fewer files, and the alternative is that a letter about a patient is saved on the device.
const allowed = [[/^pdf-[\d.]+\/.*\.js$/, 100_000], [/^pdf\.worker[.-].*\.mjs$/, 420_000], [/^pdf-.*\.js$/, 150_000],
  [/^cy-.*\.js$/, 60_000]];
const dist = new URL('../dist/', import.meta.url).pathname;

// weigh answers the bytes, compressed, of the first load and of each file that comes later, with what each may weigh.
export function weigh() {
  const html = readFileSync(join(dist, 'index.html'), 'utf8');
  const seen = new Set();
  const follow = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    if (!path.endsWith('.js')) return;
    const code = readFileSync(join(dist, path), 'utf8');
    for (const m of code.matchAll(/(?:^|[;}\s])(?:import|export)(?:[^"'();]*from)?\s*["']\.\/([^"']+\.js)["']/g)) follow(`/assets/${m[1]}`);
  };
  for (const m of html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)) follow(m[1]);
  const size = (p) => gzipSync(readFileSync(join(dist, p)), { level: 9 }).length;
  const sum = (ext) => [...seen].filter((p) => p.endsWith(ext)).reduce((n, p) => n + size(p), 0);
  const names = readdirSync(join(dist, 'assets'), { recursive: true }).filter((n) => /\.m?js$/.test(n) && !seen.has(`/assets/${n}`));
  const later = names.map((name) => ({ name, bytes: size(`/assets/${name}`), limit: allowed.find(([which]) => which.test(name))?.[1] ?? limits.lazy }));
  return { js: sum('.js'), css: sum('.css'), later, limits };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const { js, css, later } = weigh();
  let bad = false;
  const say = (what, bytes, limit) => {
    const over = bytes > limit;
    bad ||= over;
    console.log(`${over ? 'OVER ' : 'ok   '} ${what.padEnd(34)} ${(bytes / 1000).toFixed(1).padStart(6)} kB gz of ${limit / 1000}`);
  };
  say('first-load JavaScript', js, limits.js);
  say('first-load CSS', css, limits.css);
  for (const f of later) say(`later: ${f.name}`, f.bytes, f.limit);
  process.exit(bad ? 1 : 0);
}
