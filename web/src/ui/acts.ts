// Acts that several screens share.

import { clinic, engine } from '../app';
import { WireError } from '../mx/http';
import { kindOf } from '../mx/kinds';
import type { Room } from '../mx/room';
import { part, text, type MatrixEvent } from '../mx/types';
import { go, to } from './route.svelte';
import { toast } from './toast.svelte';
import { t } from '../words/words';

export function explain(e: unknown, what: string): string {
  if (!(e instanceof WireError)) return t('{what}. Something went wrong on this device.', { what });
  if (e.status === 0) return t('{what}: no connection.', { what });
  return `${what}: ${e.message}`;
}

export async function openDirect(user: string): Promise<void> {
  try {
    const { room_id } = await clinic.direct(user);
    go(to('chats', room_id));
  } catch (e) {
    toast.say(explain(e, t('The chat could not be opened')));
  }
}

export async function openPatientRoom(patient: { id: string; room_id: string }, name: string): Promise<void> {
  if (patient.room_id !== '') {
    go(to('chats', patient.room_id));
    return;
  }
  try {
    const txn = crypto.randomUUID();
    const { room_id } = await clinic.newGroup({ name, class: 'clinical', people: [], posts: [], patient: patient.id, txn });
    go(to('chats', room_id));
  } catch (e) {
    toast.say(explain(e, t('The conversation could not be opened')));
  }
}

export async function react(room: string, target: string, key: string, mine: string | undefined): Promise<void> {
  if (mine !== undefined) await engine.outbox.add({ room, type: 'm.room.redaction', target: mine, content: {} });
  else await engine.outbox.add({ room, type: 'm.reaction', content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key } } });
}

// canEdit says whether somebody may change a message: their own words, as long as nobody relies on them.
export function canEdit(room: Room, ev: MatrixEvent, me: string): boolean {
  if (ev.sender !== me || ev.type !== 'm.room.message' || kindOf(ev, room.relations.isDeleted(ev.event_id)) !== 'say') return false;
  const c = ev.content;
  if (!['m.text', 'm.emote', 'm.notice'].includes(text(c, 'msgtype')) || part(c, 'uk.wardline.ask') || part(c, 'uk.wardline.forwarded') || part(c, 'uk.wardline.place')) return false;
  return room.relations.decisionOf(ev.event_id) === undefined;
}

// linkTo is the address of a message: ids, and nothing that was said.
export function linkTo(room: string, event: string): string {
  return `${location.origin}/${to('chats', room, 'at', event)}`;
}

// pin puts a message where everybody in the conversation sees it, or takes it from there.
export async function pin(room: Room, event: string, on: boolean): Promise<void> {
  const list = room.pinned().filter((p) => p !== event);
  if (on && list.length >= 50) {
    toast.say(t('Fifty messages are pinned here. Unpin one first.'));
    return;
  }
  try {
    await engine.mx.setState(room.id, 'm.room.pinned_events', { pinned: on ? [...list, event] : list });
  } catch (e) {
    toast.say(explain(e, on ? t('It was not pinned') : t('It was not unpinned')));
  }
}

export async function star(room: Room, event: string, on: boolean): Promise<void> {
  try {
    await engine.marks.star(room, event, on);
  } catch (e) {
    toast.say(explain(e, t('The star was not saved')));
  }
}
