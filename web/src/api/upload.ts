// Uploads go by XMLHttpRequest, because fetch tells nothing about progress. A slow one goes on as long as something moves; one that
// stands still is given up and tried again; one that is cancelled is gone. What is larger than a breath goes in parts, under a name that
// the server gave out before: after a lost connection, a reload or a restart it goes on with the first byte that is missing.

import { WireError } from '../mx/http';
import { t, told } from '../words/words';

export type Progress = (part: number) => void;

export interface Outgoing { blob: Blob; name: string; slot: string } // slot: the mxc address given out for it, empty for none

const STALLED = 30_000;
const FIRST = 256 * 1024;
const MOST = 960 * 1024; // proxies before a server often take one megabyte at once
const QUICK = 1500;

// upload sends a file and answers its mxc address. keep puts on disk under which name it goes; only then does a part of it leave.
export async function upload(file: Outgoing, keep: (slot: string) => Promise<void>, progress: Progress, signal?: AbortSignal): Promise<string> {
  if (file.blob.size <= FIRST) {
    const r = await push('POST', `/_matrix/media/v3/upload?filename=${encodeURIComponent(file.name)}`, file.blob, progress, signal);
    if (typeof r['content_uri'] === 'string') return r['content_uri'];
    throw new WireError(0, 'BAD_ANSWER', t('The server did not say where the file is'));
  }
  for (let again = false; ; again = true) {
    const resumed = file.slot !== '';
    const slot = resumed ? file.slot : await reserve(signal);
    if (!resumed) await keep(slot);
    try {
      await inParts(file.blob, slot, resumed, progress, signal);
      return slot;
    } catch (e) {
      // The name's time is over, or it is another person's now: everything goes again, once, under a new one.
      if (!(e instanceof WireError) || e.status !== 404 || again || !resumed) throw e;
      file = { ...file, slot: '' };
    }
  }
}

async function inParts(blob: Blob, slot: string, resumed: boolean, progress: Progress, signal?: AbortSignal): Promise<void> {
  const path = partPath(slot);
  let at = 0;
  let size = FIRST;
  let ask = resumed;
  for (let turns = 0; ; turns++) {
    if (signal?.aborted) throw new WireError(0, 'OFFLINE', t('No connection'));
    if (ask) {
      const s = await push('GET', path, null, () => undefined, signal);
      if (s['done'] === true) return;
      at = typeof s['offset'] === 'number' ? s['offset'] : 0;
      ask = false;
    }
    const from = at;
    const part = blob.slice(from, from + size);
    const began = performance.now();
    try {
      const r = await push('PUT', `${path}?offset=${from}&size=${blob.size}`, part, (p) => progress((from + p * part.size) / blob.size), signal, blob.type);
      if (r['done'] === true) return;
      at = typeof r['offset'] === 'number' ? r['offset'] : from;
    } catch (e) {
      if (!(e instanceof WireError) || e.status !== 409 || turns > 20) throw e;
      ask = true; // what came of an earlier try counts
    }
    if (performance.now() - began < QUICK) size = Math.min(MOST, size * 2);
  }
}

// abandon tells the server to forget what has come of a file that is not sent after all.
export function abandon(slot: string): void {
  void fetch(partPath(slot), { method: 'DELETE', credentials: 'same-origin' }).catch(() => undefined); // it forgets by itself within a day
}

function partPath(slot: string): string {
  return `/_wardline/v1/uploads/${encodeURIComponent(slot.slice(slot.lastIndexOf('/') + 1))}`;
}

async function reserve(signal?: AbortSignal): Promise<string> {
  const r = await push('POST', '/_matrix/media/v1/create', null, () => undefined, signal);
  if (typeof r['content_uri'] !== 'string') throw new WireError(0, 'BAD_ANSWER', t('The server gave no name for the file'));
  return r['content_uri'];
}

function push(method: string, path: string, body: Blob | null, progress: Progress, signal?: AbortSignal, type = body?.type ?? ''): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    let timer = setTimeout(() => x.abort(), STALLED);
    const moved = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => x.abort(), STALLED);
    };
    x.open(method, path);
    if (type !== '') x.setRequestHeader('Content-Type', type);
    x.responseType = 'json';
    x.upload.onprogress = (e) => {
      moved();
      if (e.lengthComputable && e.total > 0) progress(e.loaded / e.total);
    };
    x.onload = () => {
      const v: unknown = x.response;
      const r = (typeof v === 'object' && v !== null ? v : {}) as Record<string, unknown>;
      const wait = typeof r['retry_after_ms'] === 'number' ? r['retry_after_ms'] : 0;
      if (x.status < 300 && v !== null) resolve(r);
      else reject(new WireError(x.status < 300 ? 0 : x.status, String(r['errcode'] ?? 'M_UNKNOWN'), typeof r['error'] === 'string' ? told(r['error']) : t('The file was not taken'), wait));
    };
    x.onerror = x.onabort = () => reject(new WireError(0, 'OFFLINE', t('No connection')));
    x.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    };
    const cancel = (): void => x.abort();
    signal?.addEventListener('abort', cancel);
    x.send(body);
  });
}
