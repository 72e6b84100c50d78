// The order of the conversations, and which outgoing messages have come back.

import type { Room } from '../mx/room';
import type { OutItem } from './disk';

// sortRooms puts what the person keeps on top first, then the most recent; what is being sent counts as said.
export function sortRooms(rooms: Map<string, Room>, out: OutItem[], now: number): Room[] {
  const rank = new Map<string, number>();
  for (const r of rooms.values()) {
    if (r.membership === 'join') rank.set(r.id, r.last?.ts ?? r.lines.at(-1)?.ev.origin_server_ts ?? 0);
    else if (r.membership === 'invite') rank.set(r.id, now);
  }
  for (const i of out) if (i.at > (rank.get(i.room) ?? Infinity)) rank.set(i.room, i.at);
  const at = (r: Room): number => rank.get(r.id) ?? 0;
  const top = (r: Room): number => Number(r.tags.includes('m.favourite') && r.membership === 'join');
  return [...rooms.values()].filter((r) => rank.has(r.id)).sort((a, b) => top(b) - top(a) || at(b) - at(a) || a.title().localeCompare(b.title()));
}

// echoOf recognises this device's own messages in what the server sent: by transaction, or by event id when the
// answer to the request came first. After a fresh start of the sync, whatever the server has accepted is its business.
export function echoOf(room: Room, me: string, initial: boolean): (item: OutItem) => boolean {
  const txns = new Set<string>();
  for (const { ev } of room.lines.slice(-120)) {
    if (ev.sender === me && ev.unsigned?.transaction_id !== undefined) txns.add(ev.unsigned.transaction_id);
  }
  return (i) => txns.has(i.txn) || (i.eventId !== '' && room.has(i.eventId)) || (initial && i.state === 'sent');
}
