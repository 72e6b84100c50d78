// Going back in a conversation, and learning who is in it: what a room does not bring by itself.

import type { MatrixClient } from '../mx/client';
import type { Merge, Room } from '../mx/room';

const nothing: Merge = { added: [], dropped: [], live: [] };

// fetchOlder brings the page before the oldest event held. When something else moved that edge meanwhile, the page is
// dropped; the next scroll asks again.
export async function fetchOlder(mx: MatrixClient, room: Room, limit: number): Promise<Merge> {
  if (room.prev === null) return nothing;
  const oldest = room.lines[0]?.ev.event_id;
  let from = room.prev;
  if (from === '' && oldest !== undefined) from = await mx.tokenBefore(room.id, oldest);
  const page = await mx.messages(room.id, from, limit);
  if (room.lines[0]?.ev.event_id !== oldest) return nothing;
  for (const ev of page.state ?? []) if (room.stateOf(ev.type, ev.state_key) === undefined) room.takeState(ev);
  return room.prepend(page.chunk, page.chunk.length === 0 ? undefined : page.end);
}

// fetchMembers brings the whole list of members, once, and answers whether it did.
export async function fetchMembers(mx: MatrixClient, room: Room): Promise<boolean> {
  if (room.membersKnown) return false;
  const { chunk } = await mx.members(room.id);
  for (const ev of chunk) room.takeState(ev);
  room.membersKnown = true;
  room.version++;
  return true;
}

// fetchAround brings a run of the past: a message that is not at hand, and what stands around it.
export async function fetchAround(mx: MatrixClient, room: Room, event: string): Promise<Room> {
  const page = await mx.context(room.id, event, 60);
  for (const ev of page.state ?? []) if (room.stateOf(ev.type, ev.state_key) === undefined) room.takeState(ev);
  const before = [...(page.events_before ?? [])].reverse();
  const begins = before.length === 0 && page.event.type === 'm.room.create';
  return room.past([...before, page.event, ...(page.events_after ?? [])], begins ? null : (page.start ?? null), page.end ?? null);
}

// fetchNewer goes on from a run of the past towards now, and answers whether it has met what the live run holds.
export async function fetchNewer(mx: MatrixClient, run: Room, live: Room): Promise<boolean> {
  if (run.next === null) return true;
  const page = await mx.messages(run.id, run.next, 60, 'f');
  for (const ev of page.state ?? []) if (run.stateOf(ev.type, ev.state_key) === undefined) run.takeState(ev);
  return run.extend(page.chunk, page.end, live);
}
