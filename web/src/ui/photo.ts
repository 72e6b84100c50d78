// A photo is drawn anew in the browser: at most 2048 pixels on its longer side, JPEG, and nothing of the camera's
// notes (place, device, time) survives, because only pixels are copied. What it was before stays known by its SHA-256.

import { hashOf } from './blur';
import type { Json } from '../mx/types';

const LONGEST = 2048;

export interface Shrunk { blob: Blob; w: number; h: number; hash: string }

export async function shrink(file: Blob, longest = LONGEST): Promise<Shrunk> {
  const bitmap = await createImageBitmap(file, { imageOrientation: 'from-image' });
  try {
    const scale = Math.min(1, longest / Math.max(bitmap.width, bitmap.height));
    const w = Math.max(1, Math.round(bitmap.width * scale));
    const h = Math.max(1, Math.round(bitmap.height * scale));
    const canvas = new OffscreenCanvas(w, h);
    const ink = canvas.getContext('2d');
    if (!ink) throw new Error('no canvas');
    ink.fillStyle = '#fff';
    ink.fillRect(0, 0, w, h);
    ink.imageSmoothingQuality = 'high';
    ink.drawImage(bitmap, 0, 0, w, h);
    return { blob: await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.86 }), w, h, hash: hashOf(canvas, w, h) };
  } finally {
    bitmap.close();
  }
}

// original says which bytes a file was before this app changed them, so that whoever holds them can show later that it is the same
// picture. It is left out where the browser has no hash, which it has on every address that is safe.
export async function original(file: Blob): Promise<Json> {
  if (!('subtle' in crypto)) return {};
  const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', await file.arrayBuffer()));
  return { 'uk.wardline.original': { sha256: [...sum].map((b) => b.toString(16).padStart(2, '0')).join(''), size: file.size, mimetype: file.type } };
}
