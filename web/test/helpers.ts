// Small makers for events and responses.

import type { MatrixEvent, RoomResult, SyncResponse } from '../src/mx/types';

let n = 0;

export function message(id: string, body: string, sender = '@tom:x', extra: Partial<MatrixEvent> = {}): MatrixEvent {
  return { event_id: id, type: 'm.room.message', sender, origin_server_ts: 1000 + n++, content: { msgtype: 'm.text', body }, ...extra };
}

export function related(id: string, type: string, rel: string, target: string, content: Record<string, unknown> = {}, sender = '@tom:x'): MatrixEvent {
  const to = { rel_type: rel, event_id: target, ...(typeof content['key'] === 'string' ? { key: content['key'] } : {}) };
  return { event_id: id, type, sender, origin_server_ts: 1000 + n++, content: { ...content, 'm.relates_to': to } };
}

export function deletion(id: string, target: string): MatrixEvent {
  return { event_id: id, type: 'm.room.redaction', sender: '@tom:x', origin_server_ts: 1000 + n++, content: { redacts: target } };
}

export function response(pos: string, rooms: Record<string, RoomResult>, extensions: SyncResponse['extensions'] = {}): SyncResponse {
  return { pos, rooms, extensions };
}

export function ids(lines: { ev: MatrixEvent }[]): string {
  return lines.map((l) => l.ev.event_id).join(' ');
}
