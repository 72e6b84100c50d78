// Acts that several screens share.

import { clinic, engine } from '../app';
import { WireError } from '../mx/http';
import { go, to } from './route.svelte';
import { toast } from './toast.svelte';

export function explain(e: unknown, what: string): string {
  if (!(e instanceof WireError)) return `${what}. Something went wrong on this device.`;
  if (e.status === 0) return `${what}: no connection.`;
  return `${what}: ${e.message}`;
}

export async function openDirect(user: string): Promise<void> {
  try {
    const { room_id } = await clinic.direct(user);
    go(to('chats', room_id));
  } catch (e) {
    toast.say(explain(e, 'The chat could not be opened'));
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
    toast.say(explain(e, 'The conversation could not be opened'));
  }
}

export async function react(room: string, target: string, key: string, mine: string | undefined): Promise<void> {
  if (mine !== undefined) await engine.outbox.add({ room, type: 'm.room.redaction', target: mine, content: {} });
  else await engine.outbox.add({ room, type: 'm.reaction', content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: target, key } } });
}
