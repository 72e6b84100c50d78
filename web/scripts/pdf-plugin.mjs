// The decoders that pdf.js fetches when a PDF holds a fax or a scan: the forms of them without WebAssembly, which our content policy
// refuses, with their licences. They lie under pdf.js's own version, so that what has been kept is never another version's.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const files = ['jbig2_nowasm_fallback.js', 'openjpeg_nowasm_fallback.js', 'LICENSE_JBIG2', 'LICENSE_PDFJS_JBIG2', 'LICENSE_OPENJPEG', 'LICENSE_PDFJS_OPENJPEG'];

export function pdfDecoders() {
  return {
    name: 'wardline-pdf-decoders',
    apply: 'build',
    generateBundle() {
      const root = dirname(createRequire(import.meta.url).resolve('pdfjs-dist/package.json'));
      const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
      for (const f of files) this.emitFile({ type: 'asset', fileName: `assets/pdf-${version}/${f.startsWith('LICENSE') ? `${f}.txt` : f}`, source: readFileSync(join(root, 'wasm', f)) });
    },
  };
}
