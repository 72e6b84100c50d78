// A thumbhash is a photo in some 25 bytes: enough colour and shade to fill its place until it comes. Loaded only where one is made or drawn.

import { rgbaToThumbHash, thumbHashToRGBA } from 'thumbhash';

// hashOf makes the thumbhash of a picture, in base64. w and h are its size.
export function hashOf(picture: CanvasImageSource, w: number, h: number): string {
  const scale = 100 / Math.max(w, h, 1);
  const [a, b] = [Math.max(1, Math.round(w * scale)), Math.max(1, Math.round(h * scale))];
  const ink = new OffscreenCanvas(a, b).getContext('2d');
  if (!ink) return '';
  ink.drawImage(picture, 0, 0, a, b);
  return btoa(String.fromCharCode(...rgbaToThumbHash(a, b, ink.getImageData(0, 0, a, b).data)));
}

// paint draws a thumbhash. One that says nothing sensible leaves the place as it was.
export function paint(canvas: HTMLCanvasElement, hash: string): void {
  try {
    const { w, h, rgba } = thumbHashToRGBA(Uint8Array.from(atob(hash), (c) => c.charCodeAt(0)));
    canvas.width = w;
    canvas.height = h;
    canvas.getContext('2d')?.putImageData(new ImageData(new Uint8ClampedArray(rgba), w, h), 0, 0);
  } catch {
    canvas.width = canvas.height = 0;
  }
}
