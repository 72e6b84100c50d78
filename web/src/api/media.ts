// mediaPath is where a stored file is read from; with a width, the server's smaller copy.
export function mediaPath(uri: string, width = 0, height = 0, method: 'scale' | 'crop' = 'scale'): string {
  const m = /^mxc:\/\/([^/]+)\/([^/?#]+)$/.exec(uri);
  if (!m) return '';
  const where = `${encodeURIComponent(m[1] ?? '')}/${encodeURIComponent(m[2] ?? '')}`;
  if (width === 0) return `/_matrix/client/v1/media/download/${where}`;
  return `/_matrix/client/v1/media/thumbnail/${where}?width=${width}&height=${height}&method=${method}`;
}
