// How much of a conversation a device keeps at hand. The server is the record: what is far back is fetched again when somebody goes
// there, so that neither memory nor disk grows with the length of a shift.

import type { Room } from '../mx/room';

export const MOST = 400; // events; beyond this the oldest go
export const KEEP = 200;
const LONGEST = 1000; // also of what was not read yet

// spare answers how many of the newest events to keep, or 0 when nothing is worth forgetting. Not forgotten is what is unread, and what
// a screen shows: from is the oldest of that.
export function spare(room: Room, from = Number.POSITIVE_INFINITY): number {
  const { length } = room.lines;
  if (length <= MOST) return 0;
  const keep = Math.max(KEEP, Math.min(room.unread + 50, LONGEST), length - room.placeOf(from));
  return length - keep < KEEP / 2 ? 0 : keep;
}
