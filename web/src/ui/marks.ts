// Draws marks, and makes the pictures that are sent: one in which what was blacked out is gone, and one that has the marks in it too.

import { full, type Mark, type Point } from '../mx/layers';
import { hashOf } from './blur';

export interface Block { kind: 'block'; points: Point[] } // two corners
export type Item = Mark | Block;
export interface Flat { blob: Blob; plain: Blob | null; marks: Mark[]; hash: string; w: number; h: number; burnt: boolean }

// width is how thick a mark is on a picture of that size.
export function width(w: number, h: number): number {
  return Math.max(3, Math.max(w, h) / 160);
}

// path is a mark as the path of an SVG or canvas, in pixels.
export function path(item: Item, w: number, h: number): string {
  const at = item.points.map(([x, y]) => [(x * w) / full, (y * h) / full] as const);
  const line = at.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
  const [a, b] = at;
  if (item.kind !== 'arrow' || !a || !b) return line;
  const angle = Math.atan2(b[1] - a[1], b[0] - a[0]);
  const long = Math.min(width(w, h) * 5, Math.hypot(b[0] - a[0], b[1] - a[1]) * 0.6);
  const barb = (turn: number): string => `M${b[0].toFixed(1)} ${b[1].toFixed(1)}L${(b[0] - long * Math.cos(angle + turn)).toFixed(1)} ${(b[1] - long * Math.sin(angle + turn)).toFixed(1)}`;
  return line + barb(0.5) + barb(-0.5);
}

// box is a block's place in whole pixels; it never covers less than what was marked.
export function box(b: Item, w: number, h: number): { x: number; y: number; w: number; h: number } {
  const xs = b.points.map((p) => (p[0] * w) / full);
  const ys = b.points.map((p) => (p[1] * h) / full);
  const [x, y] = [Math.floor(Math.min(...xs)), Math.floor(Math.min(...ys))];
  return { x, y, w: Math.ceil(Math.max(...xs)) - x, h: Math.ceil(Math.max(...ys)) - y };
}

// flatten makes the pictures to be sent. plain is the one without marks, null when there are none to leave out.
// hazard: a face under a black box that can be lifted is a leak: the pixels are overwritten before anything else is made of the picture.
export async function flatten(photo: Blob, items: Item[]): Promise<Flat> {
  const bitmap = await createImageBitmap(photo);
  try {
    const [w, h] = [bitmap.width, bitmap.height];
    const canvas = new OffscreenCanvas(w, h);
    const ink = canvas.getContext('2d');
    if (!ink) throw new Error('no canvas');
    ink.drawImage(bitmap, 0, 0);
    const blocks = items.filter((i) => i.kind === 'block');
    const marks = items.filter((i): i is Mark => i.kind !== 'block');
    ink.fillStyle = '#000';
    for (const b of blocks) {
      const r = box(b, w, h);
      ink.fillRect(r.x, r.y, r.w, r.h);
    }
    const jpeg = { type: 'image/jpeg', quality: 0.88 };
    const plain = blocks.length === 0 ? photo : await canvas.convertToBlob(jpeg);
    if (marks.length === 0) return { blob: plain, plain: null, marks, hash: hashOf(canvas, w, h), w, h, burnt: blocks.length > 0 };
    ink.lineCap = ink.lineJoin = 'round';
    for (const m of marks) {
      const p = new Path2D(path(m, w, h));
      for (const [colour, thick] of [['#0b0f11', 1.9], ['#ffd23f', 1]] as const) {
        ink.strokeStyle = colour;
        ink.lineWidth = width(w, h) * thick;
        ink.stroke(p);
      }
    }
    return { blob: await canvas.convertToBlob(jpeg), plain, marks, hash: hashOf(canvas, w, h), w, h, burnt: blocks.length > 0 };
  } finally {
    bitmap.close();
  }
}
