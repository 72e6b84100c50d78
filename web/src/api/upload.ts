// Uploads go by XMLHttpRequest, because fetch tells nothing about progress. A slow one goes on as long as something moves; one that
// stands still is given up and tried again; one that is cancelled is gone.

import { WireError } from '../mx/http';

export type Progress = (part: number) => void;

const STALLED = 30_000;

export function upload(blob: Blob, name: string, progress: Progress, signal?: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    let timer = setTimeout(() => x.abort(), STALLED);
    const moved = (): void => {
      clearTimeout(timer);
      timer = setTimeout(() => x.abort(), STALLED);
    };
    x.open('POST', `/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`);
    x.setRequestHeader('Content-Type', blob.type);
    x.responseType = 'json';
    x.upload.onprogress = (e) => {
      moved();
      if (e.lengthComputable) progress(e.loaded / e.total);
    };
    x.onload = () => {
      const v: unknown = x.response;
      const r = (typeof v === 'object' && v !== null ? v : {}) as Record<string, unknown>;
      const uri = r['content_uri'];
      if (x.status < 300 && typeof uri === 'string') resolve(uri);
      else reject(new WireError(x.status, String(r['errcode'] ?? 'M_UNKNOWN'), String(r['error'] ?? 'The file was not taken')));
    };
    x.onerror = x.onabort = () => reject(new WireError(0, 'OFFLINE', 'No connection'));
    x.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', cancel);
    };
    const cancel = (): void => x.abort();
    signal?.addEventListener('abort', cancel);
    x.send(blob);
  });
}

// mediaPath is where a stored file is read from; with a width, the server's smaller copy.
export function mediaPath(uri: string, width = 0, height = 0): string {
  const m = /^mxc:\/\/([^/]+)\/([^/?#]+)$/.exec(uri);
  if (!m) return '';
  const where = `${encodeURIComponent(m[1] ?? '')}/${encodeURIComponent(m[2] ?? '')}`;
  if (width === 0) return `/_matrix/client/v1/media/download/${where}`;
  return `/_matrix/client/v1/media/thumbnail/${where}?width=${width}&height=${height}&method=scale`;
}
