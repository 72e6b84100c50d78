// A photo is drawn anew in the browser: at most 2048 pixels on its longer side, JPEG, and nothing of the camera's
// notes (place, device, time) survives, because only pixels are copied.

const LONGEST = 2048;

export interface Shrunk { blob: Blob; w: number; h: number }

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
    return { blob: await canvas.convertToBlob({ type: 'image/jpeg', quality: 0.86 }), w, h };
  } finally {
    bitmap.close();
  }
}
