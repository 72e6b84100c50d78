// Writes a .gz and a .br beside every built file that is worth it; the server picks by Accept-Encoding.

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const root = new URL('../dist/', import.meta.url).pathname;

function walk(dir) {
  for (const d of readdirSync(dir, { withFileTypes: true })) {
    const p = join(dir, d.name);
    if (d.isDirectory()) walk(p);
    else if (/\.(js|mjs|css|html|svg|webmanifest|json)$/.test(d.name)) squeeze(p);
  }
}

function squeeze(file) {
  const raw = readFileSync(file);
  if (raw.length < 512) return;
  writeFileSync(`${file}.gz`, gzipSync(raw, { level: 9 }));
  writeFileSync(`${file}.br`, brotliCompressSync(raw, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }));
}

walk(root);
