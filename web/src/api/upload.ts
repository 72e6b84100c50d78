// Uploads go by XMLHttpRequest, because fetch tells nothing about progress.

import { WireError } from '../mx/http';

export type Progress = (part: number) => void;

export function upload(blob: Blob, name: string, progress: Progress): Promise<string> {
  return new Promise((resolve, reject) => {
    const x = new XMLHttpRequest();
    x.open('POST', `/_matrix/media/v3/upload?filename=${encodeURIComponent(name)}`);
    x.setRequestHeader('Content-Type', blob.type);
    x.responseType = 'json';
    x.timeout = 120_000;
    x.upload.onprogress = (e) => { if (e.lengthComputable) progress(e.loaded / e.total); };
    x.onload = () => {
      const v: unknown = x.response;
      const r = (typeof v === 'object' && v !== null ? v : {}) as Record<string, unknown>;
      const uri = r['content_uri'];
      if (x.status < 300 && typeof uri === 'string') resolve(uri);
      else reject(new WireError(x.status, String(r['errcode'] ?? 'M_UNKNOWN'), String(r['error'] ?? 'The photo was not taken')));
    };
    x.onerror = x.ontimeout = x.onabort = () => reject(new WireError(0, 'OFFLINE', 'No connection'));
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
