// What a message carries beside its words, read from the content of any client: a photo, a film, a voice note or another file.
// What is missing or makes no sense gets a value that can be drawn.

import { number, part, text } from './types';
import type { Json } from './types';
import { t } from '../words/words';

export interface Media {
  kind: 'photo' | 'film' | 'voice' | 'doc';
  uri: string; // empty while it has not been sent
  name: string;
  type: string; // as its sender calls it
  size: number; // bytes, 0 when nobody said
  w: number;
  h: number;
  ms: number; // how long it plays
  hash: string; // a thumbhash in base64, drawn until the picture comes
  poster: string; // a film's still picture
  wave: number[]; // 0 to 1, how loud a voice note is
  local: Blob | null; // what is being sent from here
  localPoster: Blob | null;
}

const kinds: Record<string, Media['kind']> = { 'm.image': 'photo', 'm.video': 'film', 'm.audio': 'voice', 'm.file': 'doc' };

// hashKey is the member of info that holds a thumbhash; other clients know none and pass over it.
export const hashKey = 'uk.wardline.thumbhash';

// mediaOf reads what a message carries, or null when it carries nothing that could be fetched.
export function mediaOf(c: Json, local: Blob | null = null, localPoster: Blob | null = null): Media | null {
  const kind = kinds[text(c, 'msgtype')];
  const uri = text(c, 'url');
  if (kind === undefined || (!uri.startsWith('mxc://') && !local)) return null;
  const info = part(c, 'info');
  const voice = part(c, 'org.matrix.msc1767.audio');
  const said = text(info, hashKey);
  const [w, h] = [number(info, 'w'), number(info, 'h')];
  const sized = w > 0 && h > 0;
  return {
    kind: kind === 'voice' && !isVoice(c) ? 'doc' : kind, uri, name: nameOf(c), type: text(info, 'mimetype'), size: Math.max(0, number(info, 'size')),
    w: sized ? w : 4, h: sized ? h : 3, ms: Math.max(0, number(info, 'duration') || number(voice, 'duration')),
    hash: /^[A-Za-z0-9+/]{6,48}={0,2}$/.test(said) ? said : '', poster: text(info, 'thumbnail_url').startsWith('mxc://') ? text(info, 'thumbnail_url') : '',
    wave: waveOf(voice?.['waveform']), local, localPoster,
  };
}

// nameOf is a file's name without what turns the direction of letters round: it would show another ending than the file has.
function nameOf(c: Json): string {
  return (text(c, 'filename') || text(c, 'body')).replace(/[\u0000-\u001f\u007f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, '').trim() || t('File');
}

// filesOf are the addresses of all files that a message names: its own, its still picture, and the photo below what was drawn on it.
export function filesOf(c: Json | undefined): string[] {
  return [text(c, 'url'), text(part(c, 'info'), 'thumbnail_url'), text(part(c, 'uk.wardline.layers'), 'url')].filter((u) => u.startsWith('mxc://'));
}

// isVoice tells a note that somebody spoke from a sound file.
export function isVoice(c: Json): boolean {
  return text(c, 'msgtype') === 'm.audio' && (part(c, 'org.matrix.msc3245.voice') !== undefined || part(c, 'org.matrix.msc3245.voice.v2') !== undefined);
}

// mediaWord names a file in one line.
export function mediaWord(m: Media): string {
  return { photo: t('Photo'), film: t('Video'), voice: t('Voice note'), doc: m.name }[m.kind];
}

// waveOf reads a waveform of whole numbers from 0 to 1024.
function waveOf(v: unknown): number[] {
  if (!Array.isArray(v)) return [];
  return v.slice(0, 1000).map((n: unknown) => (typeof n === 'number' && Number.isFinite(n) ? Math.min(1, Math.max(0, n / 1024)) : 0));
}

// sizeWords is how large a file is, as people say it.
export function sizeWords(bytes: number): string {
  if (bytes <= 0) return '';
  if (bytes < 1000) return t('{bytes} bytes', { bytes });
  if (bytes < 999_500) return `${Math.round(bytes / 1000)} kB`;
  return `${(bytes / 1e6).toFixed(bytes < 9_950_000 ? 1 : 0)} MB`;
}
