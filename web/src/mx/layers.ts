// Marks that were drawn on a photo, as data beside the picture that has them drawn in. Places are whole numbers from 0 to 10000 of the
// picture's width and height. What was blacked out is no mark: those pixels are gone.

import { part, text } from './types';
import type { Json } from './types';

export type Point = [number, number];
export interface Mark { kind: 'arrow' | 'line'; points: Point[] }
export interface Layers { marks: Mark[]; plain: string; of: string } // plain: the photo without marks; of: the message it was in

export const layersKey = 'uk.wardline.layers';
export const full = 10_000;
const mostMarks = 100;
const mostPoints = 400;

// layersOf reads what was drawn on a photo, or null when nothing sensible is said of it.
export function layersOf(c: Json | undefined): Layers | null {
  const v = part(c, layersKey);
  if (!v || !Array.isArray(v['marks'])) return null;
  const marks = v['marks'].slice(0, mostMarks).map(markOf).filter((m): m is Mark => m !== null);
  if (marks.length === 0) return null;
  return { marks, plain: text(v, 'url').startsWith('mxc://') ? text(v, 'url') : '', of: text(v, 'of') };
}

function markOf(v: unknown): Mark | null {
  const m = v as { kind?: unknown; points?: unknown } | null;
  if (typeof m !== 'object' || m === null || (m.kind !== 'arrow' && m.kind !== 'line') || !Array.isArray(m.points)) return null;
  const points = m.points.slice(0, mostPoints).filter((p): p is Point => Array.isArray(p) && p.length === 2 && p.every((n) => typeof n === 'number' && n >= 0 && n <= full));
  if (points.length < 2 || (m.kind === 'arrow' && points.length !== 2)) return null;
  return { kind: m.kind, points };
}

// thin leaves out points of a line that say nothing, so that one drawn slowly is no larger than one drawn fast.
export function thin(points: Point[]): Point[] {
  const out: Point[] = [];
  for (const [i, p] of points.entries()) {
    const last = out[out.length - 1];
    if (!last || i === points.length - 1 || Math.hypot(p[0] - last[0], p[1] - last[1]) > 40) out.push([Math.round(p[0]), Math.round(p[1])]);
  }
  if (out.length <= mostPoints) return out;
  const by = (out.length - 1) / (mostPoints - 1);
  return Array.from({ length: mostPoints }, (_, i) => out[Math.round(i * by)] ?? [0, 0]);
}
