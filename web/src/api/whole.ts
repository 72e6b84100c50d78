// Brings whole files, so that they can be played or read in place from memory.

import { WireError } from '../mx/http';
import { mediaPath } from './media';
import { t } from '../words/words';

// fetchMedia brings a whole file, so that it can be played or read in place from memory.
export async function fetchMedia(uri: string, most: number): Promise<Blob> {
  let answer: Response;
  try {
    answer = await fetch(mediaPath(uri), { credentials: 'same-origin' });
  } catch {
    throw new WireError(0, 'OFFLINE', t('No connection'));
  }
  if (!answer.ok) throw new WireError(answer.status, 'M_UNKNOWN', answer.status === 404 ? t('The file is no longer here') : t('The server answered {status}', { status: answer.status }));
  if (Number(answer.headers.get('Content-Length') ?? '0') > most) {
    await answer.body?.cancel();
    throw new WireError(413, 'M_TOO_LARGE', t('It is too large to be shown here'));
  }
  try {
    const blob = await answer.blob();
    if (blob.size > most) throw new WireError(413, 'M_TOO_LARGE', t('It is too large to be shown here'));
    return blob;
  } catch (e) {
    throw e instanceof WireError ? e : new WireError(0, 'OFFLINE', t('No connection'));
  }
}
