// What a sync response says beside events: who is typing, who has read how far, where this person's own mark is.

import type { Room } from '../mx/room';
import { number, part, text } from '../mx/types';
import type { Json, SyncResponse } from '../mx/types';

export const starredType = 'uk.wardline.starred';

// starsIn reads what this person has starred in a room: event to when.
export function starsIn(c: Json): Map<string, number> {
  return new Map(Object.entries(part(c, 'events') ?? {}).filter((e): e is [string, number] => typeof e[1] === 'number'));
}

// Level is how one is told of a conversation: of all that is said, of what names one, or of nothing. A page comes through all of them.
export type Level = 'all' | 'mentions' | 'nothing';

export interface Levels { muted: Set<string>; mentions: Set<string> }

const silent = (r: Json): boolean => {
  const actions = Array.isArray(r['actions']) ? r['actions'] : ['?'];
  return r['enabled'] !== false && (actions.length === 0 || actions[0] === 'dont_notify');
};

// levelsIn reads from this person's push rules which rooms are silent, and which tell only of what names them.
export function levelsIn(rules: Json): Levels {
  const list = (kind: string): Json[] => { const all = part(rules, 'global')?.[kind]; return Array.isArray(all) ? (all as Json[]) : []; };
  const muted = new Set<string>();
  for (const r of list('override')) {
    const conditions = Array.isArray(r['conditions']) ? (r['conditions'] as Json[]) : [];
    if (conditions.length !== 1 || !silent(r)) continue;
    if (text(conditions[0], 'kind') === 'event_match' && text(conditions[0], 'key') === 'room_id') muted.add(text(conditions[0], 'pattern'));
  }
  return { muted, mentions: new Set(list('room').filter(silent).map((r) => text(r, 'rule_id'))) };
}

export const silenceType = 'uk.wardline.silence';
export const remindersType = 'uk.wardline.reminders';

export interface Reminder { room: string; event: string; at: number; due: boolean }

// remindersIn reads which messages are to come back.
export function remindersIn(c: Json): Reminder[] {
  const list = Array.isArray(c['reminders']) ? (c['reminders'] as Json[]) : [];
  return list.map((r) => ({ room: text(r, 'room_id'), event: text(r, 'event_id'), at: number(r, 'at'), due: r['due'] === true })).filter((r) => r.room !== '' && r.event !== '');
}

export const testsType = 'uk.wardline.tests';

// Test is a test page of a post that this person holds. It is no page: nobody needs them.
export interface Test { run: string; post: string; at: number; due: number }

// testsIn reads which tests wait for an answer.
export function testsIn(c: Json): Test[] {
  const list = Array.isArray(c['tests']) ? (c['tests'] as Json[]) : [];
  return list.map((x) => ({ run: text(x, 'run'), post: text(x, 'post'), at: number(x, 'at'), due: number(x, 'due_at') })).filter((x) => x.run !== '');
}

export function applyExtensions(r: SyncResponse, rooms: Map<string, Room>, me: string, touched: Set<string>): void {
  for (const [id, t] of Object.entries(r.extensions?.typing?.rooms ?? {})) {
    const room = rooms.get(id);
    if (!room) continue;
    room.typing = t.content.user_ids.filter((u) => u !== me);
    touched.add(id);
  }
  for (const [id, rc] of Object.entries(r.extensions?.receipts?.rooms ?? {})) {
    const room = rooms.get(id);
    if (!room) continue;
    for (const [event, kinds] of Object.entries(rc.content)) {
      for (const kind of ['m.read', 'm.read.private']) {
        for (const [user, at] of Object.entries(kinds[kind] ?? {})) {
          if (user === me) room.takeThreadReceipt(event, at.thread_id ?? '');
          if (at.thread_id === undefined || at.thread_id === 'main') room.takeReceipt(event, user, at.ts ?? 0);
        }
      }
    }
    touched.add(id);
  }
  for (const [id, events] of Object.entries(r.extensions?.account_data?.rooms ?? {})) {
    const room = rooms.get(id);
    if (!room) continue;
    for (const e of events) {
      if (e.type === 'm.fully_read') room.fullyRead = text(e.content, 'event_id');
      else if (e.type === 'm.tag') room.tags = Object.keys(part(e.content, 'tags') ?? {});
      else if (e.type === silenceType) room.silentUntil = number(e.content, 'until');
      else if (e.type === starredType) room.starred = starsIn(e.content);
      else continue;
      touched.add(id);
    }
  }
}
