// What is on its way into a conversation, before it is sent: photos, films and files, and the messages that they become.

import { hashKey } from '../mx/media';
import { layersKey, type Mark } from '../mx/layers';
import type { Beside, Media } from '../store/disk';
import { part, text, type Json } from '../mx/types';
import type { Room } from '../mx/room';
import { answered, namedIn, textContent } from './compose';
import { extension } from './files';
import type { Item } from './marks';

export interface Shot {
  id: number;
  kind: 'photo' | 'film' | 'doc';
  blob: Blob; // as it is sent
  name: string;
  w: number;
  h: number;
  ms: number;
  hash: string;
  url: string;
  words: string;
  own: boolean; // taken here, so that it lies nowhere else
  original: Json;
  raw: Blob; // a photo before anything was drawn on it; never sent once something was blacked out
  items: Item[];
  marks: Mark[];
  plain: Blob | null; // a photo without its marks
  still: Blob | null;
}

// mentionsOf are the people whom the words beside a file name, and whom it answers.
export function mentionsOf(room: Room | undefined, words: string, relation: Json, me: string): Json {
  if (!room) return {};
  const relates = part(relation, 'm.relates_to');
  const answers = relates?.['is_falling_back'] === true ? '' : text(part(relates, 'm.in_reply_to'), 'event_id');
  return { 'm.mentions': textContent(words, namedIn(room, []), answered(room, answers, me))['m.mentions'] };
}

// outgoing is the message that a shot becomes, and the files that go with it.
export function outgoing(s: Shot): { content: Json; media: Media } {
  const words = s.words.trim();
  const type = s.blob.type === '' ? 'application/octet-stream' : s.blob.type;
  const info: Json = { size: s.blob.size, mimetype: type };
  const beside: Beside[] = [];
  const [msgtype, filename] = s.kind === 'photo' ? ['m.image', 'photo.jpg'] : s.kind === 'film' ? ['m.video', `video.${type.endsWith('mp4') ? 'mp4' : 'webm'}`] : ['m.file', s.name];
  if (s.kind !== 'doc') Object.assign(info, { w: s.w, h: s.h, ...(s.hash === '' ? {} : { [hashKey]: s.hash }) });
  if (s.kind === 'film') {
    info['duration'] = s.ms;
    if (s.still) {
      info['thumbnail_info'] = { mimetype: s.still.type, size: s.still.size };
      beside.push({ as: 'still', blob: s.still, uri: '' });
    }
  }
  const layers: Json = s.marks.length > 0 ? { [layersKey]: { marks: s.marks } } : {};
  if (s.plain && s.marks.length > 0) beside.push({ as: 'plain', blob: s.plain, uri: '' });
  const name = s.kind === 'doc' ? `file${extension(s.name) === '' ? '' : `.${extension(s.name)}`}` : filename; // a file's own name may name somebody, and this one stands in an address
  return {
    content: { msgtype, body: words === '' ? filename : words, filename, info, 'm.mentions': {}, ...s.original, ...layers },
    media: { blob: s.blob, name, w: s.w, h: s.h, uri: '', ...(beside.length > 0 ? { beside } : {}) },
  };
}
