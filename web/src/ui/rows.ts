// What a conversation shows in the list.

import { engine } from '../app';
import type { Room } from '../mx/room';
import { part, text, type MatrixEvent } from '../mx/types';
import { isEdit, preview } from '../mx/kinds';
import { seenBy } from './stream';
import { t } from '../words/words';

export interface ListRow {
  id: string;
  room: Room;
  title: string;
  face: 'person' | 'patient' | 'team';
  faceId: string;
  plate: string;
  ts: number;
  from: string;
  body: string;
  draft: string;
  typing: string;
  mark: '' | 'wait' | 'failed' | 'sent' | 'seen';
  unread: number;
  quiet: boolean;
  dot: boolean; // something that asks for nothing was said
  decided: boolean;
  mentioned: boolean;
  muted: boolean;
  top: boolean;
  away: boolean; // put away by this person
}

export function faceOf(room: Room): 'person' | 'patient' | 'team' {
  if (room.patient) return 'patient';
  return room.dm || (room.cls === '' && room.people() === 2 && room.hero !== '') ? 'person' : 'team';
}

// plateOf is the short sign of a patient's room, empty for other rooms.
export function plateOf(room: Room): string {
  return text(room.patient ?? undefined, 'plate');
}

const drawn = new WeakMap<Room, ListRow>();

// rowOf is the row of a conversation. One that says the same as before is the same object, so that the list redraws only what has changed.
export function rowOf(room: Room): ListRow {
  const row = readRow(room);
  const old = drawn.get(room);
  if (old && (Object.keys(row) as (keyof ListRow)[]).every((k) => row[k] === old[k])) return old;
  drawn.set(room, row);
  return row;
}

function readRow(room: Room): ListRow {
  const face = faceOf(room);
  const me = engine.me.user_id;
  const out = engine.outbox.of(room.id).filter((i) => i.type === 'm.room.message' && !isEdit(i.content)).at(-1);
  const last = room.last;
  const own = last?.sender === me;
  const draft = engine.drafts.get(room.id)?.text.trim() ?? '';
  const typing = room.typing[0];
  let mark: ListRow['mark'] = '';
  if (out) mark = out.state === 'failed' ? 'failed' : out.state === 'sent' ? 'sent' : 'wait';
  else if (own && last) mark = seenBy(room, last.id, me).length > 0 ? 'seen' : 'sent';
  const sender = out || !last || own ? '' : (room.nameOf(last.sender).split(' ')[0] ?? '');
  return {
    id: room.id, room, title: room.title(), face, faceId: face === 'person' && room.hero !== '' ? room.hero : room.id,
    plate: plateOf(room), ts: out?.at ?? last?.ts ?? room.lines.at(-1)?.ev.origin_server_ts ?? 0,
    from: face === 'person' ? '' : last && !out && !own ? senderName(room, last.sender, sender) : '',
    body: room.membership === 'invite' ? t('Invitation, open to answer') : out ? preview({ type: out.type, content: out.content } as MatrixEvent) : (last?.body ?? t('Nothing said yet')),
    draft: engine.shelf.openRoom === room.id ? '' : draft,
    typing: typing === undefined ? '' : t('{x} is typing…', { x: room.nameOf(typing).split(' ')[0] ?? '' }),
    mark, unread: room.unread, dot: room.quietlyNew(me) && !engine.marks.muted.has(room.id), quiet: room.cls === 'social' || engine.marks.muted.has(room.id), mentioned: room.highlight > 0,
    muted: engine.marks.muted.has(room.id), top: room.tags.includes('m.favourite'), away: room.tags.includes('m.lowpriority'),
    decided: last !== null && room.relations.decisionOf(last.id) !== undefined,
  };
}

function senderName(room: Room, user: string, first: string): string {
  const known = room.stateOf('m.room.member', user);
  return known && text(known, 'displayname') !== '' ? first : (room.lastName.split(' ')[0] ?? first);
}

// patientOf reads the link of a room to its patient.
export function patientOf(room: Room): { id: string; plate: string; name: string; ward: string; bed: string } | null {
  const p = room.patient;
  if (!p) return null;
  return { id: text(p, 'id'), plate: text(p, 'plate'), name: text(p, 'name'), ward: text(p, 'ward'), bed: text(p, 'bed') };
}

// canDecide is true when the room is about a patient, for only then is there a record to file into.
export function canDecide(room: Room): boolean {
  return part({ p: room.patient }, 'p') !== undefined;
}
