// Opens PDFs with pdf.js, in a worker of our own origin. Nothing of the file runs: no scripts, no forms, no links, nothing is fetched.

import { getDocument, GlobalWorkerOptions, PDFWorker, version } from 'pdfjs-dist';
import workerPath from 'pdfjs-dist/build/pdf.worker.min.mjs?url';
import { t } from '../words/words';

export interface Pdf {
  pages: { w: number; h: number }[];
  draw(page: number, into: HTMLElement, width: number): () => void;
  close(): void;
}

interface Policies { createPolicy(name: string, rules: { createScriptURL: (s: string) => string }): { createScriptURL(s: string): string } }

const mostPages = 2000;
let address: string | undefined;

// workerAddress satisfies Trusted Types: this policy knows one address and nothing else.
function workerAddress(): string {
  if (address === undefined) {
    const types = (globalThis as { trustedTypes?: Policies }).trustedTypes;
    address = types?.createPolicy('wardline-pdf', { createScriptURL: () => workerPath }).createScriptURL('') ?? workerPath;
  }
  return address;
}

export async function openPdf(blob: Blob, password: string): Promise<Pdf> {
  GlobalWorkerOptions.workerSrc = workerPath;
  const port = new Worker(workerAddress(), { type: 'module' });
  const worker = new PDFWorker({ port } as unknown as ConstructorParameters<typeof PDFWorker>[0]); // its types know no port
  const task = getDocument({
    data: new Uint8Array(await blob.arrayBuffer()), worker, enableXfa: false, stopAtErrors: false, disableAutoFetch: true, useWorkerFetch: false, useWasm: false,
    wasmUrl: new URL(`/assets/pdf-${version}/`, location.href).href, // its decoders of faxes and scans, the forms without WebAssembly
    ...(password === '' ? {} : { password }),
  });
  const close = (): void => {
    void task.destroy().catch(() => undefined).finally(() => { worker.destroy(); port.terminate(); });
  };
  try {
    const doc = await task.promise;
    const pages: { w: number; h: number }[] = [];
    for (let n = 1; n <= Math.min(doc.numPages, mostPages); n++) {
      const v = (await doc.getPage(n)).getViewport({ scale: 1 });
      pages.push({ w: v.width, h: v.height });
    }
    const draw = (n: number, into: HTMLElement, width: number): (() => void) => {
      const canvas = document.createElement('canvas');
      const said = document.createElement('p');
      said.className = 'said';
      let gone = false;
      let cancel: (() => void) | undefined;
      void (async () => {
        const page = await doc.getPage(n);
        if (gone) return;
        const plain = page.getViewport({ scale: 1 });
        const scale = Math.min((width / plain.width) * Math.min(devicePixelRatio, 2), Math.sqrt(16_000_000 / (plain.width * plain.height)));
        const viewport = page.getViewport({ scale });
        canvas.width = Math.ceil(viewport.width);
        canvas.height = Math.ceil(viewport.height);
        const job = page.render({ canvas, viewport });
        cancel = () => job.cancel();
        await job.promise;
        if (gone) return;
        into.append(canvas);
        const text = await page.getTextContent();
        said.textContent = text.items.map((i) => ('str' in i ? i.str + (i.hasEOL ? '\n' : '') : '')).join('').slice(0, 20_000);
        into.append(said);
        into.dataset['drawn'] = 'yes';
      })().catch(() => {
        if (gone) return;
        // A white page would be taken for an empty one.
        said.className = 'undrawn';
        said.textContent = t('This page cannot be drawn here. Save the file to see it.');
        into.append(said);
      });
      return () => {
        gone = true;
        cancel?.();
        canvas.width = canvas.height = 0;
        canvas.remove();
        said.remove();
        delete into.dataset['drawn'];
      };
    };
    return { pages, draw, close };
  } catch (e) {
    close();
    throw e;
  }
}
