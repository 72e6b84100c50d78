// What a sync response says beside events: who is typing, who has read how far, where this person's own mark is.

import type { Room } from '../mx/room';
import { text } from '../mx/types';
import type { SyncResponse } from '../mx/types';

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
        for (const [user, at] of Object.entries(kinds[kind] ?? {})) room.takeReceipt(event, user, at.ts ?? 0);
      }
    }
    touched.add(id);
  }
  for (const [id, events] of Object.entries(r.extensions?.account_data?.rooms ?? {})) {
    const read = events.find((e) => e.type === 'm.fully_read');
    const room = rooms.get(id);
    if (!room || !read) continue;
    room.fullyRead = text(read.content, 'event_id');
    touched.add(id);
  }
}
