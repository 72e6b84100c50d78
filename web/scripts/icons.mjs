// Draws the PNG icons from public/icon.svg with a headless Chromium, for the platforms that take no SVG. Run by hand
// when the mark changes: node scripts/icons.mjs

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const root = new URL('../public/', import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), 'icons-'));
for (const size of [192, 512]) {
  const page = join(dir, `${size}.html`);
  const svg = readFileSync(join(root, 'icon.svg'), 'utf8').replace('<svg ', `<svg width="${size}" height="${size}" `);
  writeFileSync(page, `<!doctype html><style>body{margin:0;background:transparent}svg{display:block}</style>${svg}`);
  execFileSync('chromium', ['--headless', '--no-sandbox', '--no-first-run', '--disable-background-networking', '--hide-scrollbars', '--default-background-color=00000000', `--window-size=${size},${size}`, `--screenshot=${join(root, `icon-${size}.png`)}`, `file://${page}`], { stdio: 'ignore' });
}
