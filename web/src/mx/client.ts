// The Matrix endpoints that the app uses, one method each. spec: client-server-api

import type { Wire } from './http';
import type { ContextPage, Json, MatrixEvent, MessagesPage, SearchHit, SyncRequest, SyncResponse } from './types';

const base = '/_matrix/client/v3';
const enc = encodeURIComponent;
const lazy = enc(JSON.stringify({ lazy_load_members: true }));

export class MatrixClient {
  private readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  sync(body: SyncRequest, signal?: AbortSignal): Promise<SyncResponse> {
    return this.wire.call('POST', '/_matrix/client/v4/sync', body, signal);
  }

  messages(room: string, from: string, limit: number, dir: 'b' | 'f' = 'b'): Promise<MessagesPage> {
    const start = from === '' ? '' : `&from=${enc(from)}`;
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/messages?dir=${dir}&limit=${limit}${start}&filter=${lazy}`);
  }

  // sent answers messages that carry a file, or those that carry none, newest first.
  sent(room: string, from: string, limit: number, files: boolean): Promise<MessagesPage> {
    const filter = enc(JSON.stringify({ lazy_load_members: true, types: ['m.room.message'], contains_url: files }));
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/messages?dir=b&limit=${limit}${from === '' ? '' : `&from=${enc(from)}`}&filter=${filter}`);
  }

  // context answers an event with what stands around it, and where to go on from both ends.
  context(room: string, event: string, limit: number): Promise<ContextPage> {
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/context/${enc(event)}?limit=${limit}&filter=${lazy}`);
  }

  // at answers the first event at or after an instant.
  at(room: string, ts: number): Promise<{ event_id: string; origin_server_ts: number }> {
    return this.wire.call('GET', `/_matrix/client/v1/rooms/${enc(room)}/timestamp_to_event?ts=${ts}&dir=f`);
  }

  // replies answers a page of a thread, newest first.
  replies(room: string, root: string, from: string): Promise<{ chunk: MatrixEvent[]; next_batch?: string }> {
    const start = from === '' ? '' : `&from=${enc(from)}`;
    return this.wire.call('GET', `/_matrix/client/v1/rooms/${enc(room)}/relations/${enc(root)}/m.thread?dir=b&limit=100${start}`);
  }

  // related answers what refers to an event: votes, ends of polls.
  related(room: string, event: string, rel: string): Promise<{ chunk: MatrixEvent[]; next_batch?: string }> {
    return this.wire.call('GET', `/_matrix/client/v1/rooms/${enc(room)}/relations/${enc(event)}/${rel}?dir=b&limit=500`);
  }

  // search looks for words in everything this person may read. The words travel in the body.
  async search(words: string, rooms: string[] | undefined, next: string): Promise<{ results: SearchHit[]; next: string; count: number }> {
    const filter = { limit: 20, ...(rooms ? { rooms } : {}), types: ['m.room.message'] };
    const body = { search_categories: { room_events: { search_term: words, keys: ['content.body'], order_by: 'recent', filter, event_context: { before_limit: 0, after_limit: 0, include_profile: true } } } };
    const where = next === '' ? '' : `?next_batch=${enc(next)}`;
    const r = await this.wire.call<{ search_categories: { room_events?: { results?: SearchHit[]; next_batch?: string; count?: number } } }>('POST', `${base}/search${where}`, body);
    const e = r.search_categories.room_events;
    return { results: e?.results ?? [], next: e?.next_batch ?? '', count: e?.count ?? 0 };
  }

  // tokenBefore answers where history before an event continues, for an event whose own token is not known.
  async tokenBefore(room: string, event: string): Promise<string> {
    const at = `${base}/rooms/${enc(room)}/context/${enc(event)}?limit=0`;
    return (await this.wire.call<{ start?: string }>('GET', at)).start ?? '';
  }

  send(room: string, type: string, txn: string, content: Json): Promise<{ event_id: string }> {
    return this.wire.call('PUT', `${base}/rooms/${enc(room)}/send/${enc(type)}/${enc(txn)}`, content);
  }

  redact(room: string, event: string, txn: string, content: Json = {}): Promise<{ event_id: string }> {
    return this.wire.call('PUT', `${base}/rooms/${enc(room)}/redact/${enc(event)}/${enc(txn)}`, content);
  }

  setState(room: string, type: string, content: Json): Promise<Json> {
    return this.wire.call('PUT', `${base}/rooms/${enc(room)}/state/${enc(type)}`, content);
  }

  // setData writes this person's own notes about a room.
  setData(user: string, room: string, type: string, content: Json): Promise<Json> {
    return this.wire.call('PUT', `${base}/user/${enc(user)}/rooms/${enc(room)}/account_data/${enc(type)}`, content);
  }

  tag(user: string, room: string, tag: string, on: boolean): Promise<Json> {
    const path = `${base}/user/${enc(user)}/rooms/${enc(room)}/tags/${enc(tag)}`;
    return on ? this.wire.call('PUT', path, { order: 0.5 }) : this.wire.call('DELETE', path);
  }

  kick(room: string, user: string): Promise<Json> {
    return this.wire.call('POST', `${base}/rooms/${enc(room)}/kick`, { user_id: user });
  }

  event(room: string, event: string): Promise<MatrixEvent> {
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/event/${enc(event)}`);
  }

  // readThread marks a thread, or the conversation without its threads ("main"), as read up to an event.
  readThread(room: string, event: string, thread: string): Promise<Json> {
    return this.wire.call('POST', `${base}/rooms/${enc(room)}/receipt/m.read/${enc(event)}`, { thread_id: thread });
  }

  fullyRead(room: string, event: string): Promise<Json> {
    return this.wire.call('POST', `${base}/rooms/${enc(room)}/read_markers`, { 'm.fully_read': event });
  }

  // readUpTo moves both markers: what others may see, and where "New since" starts on this person's other devices.
  readUpTo(room: string, event: string): Promise<Json> {
    return this.wire.call('POST', `${base}/rooms/${enc(room)}/read_markers`, { 'm.fully_read': event, 'm.read': event });
  }

  typing(room: string, user: string, on: boolean): Promise<Json> {
    const body = on ? { typing: true, timeout: 12_000 } : { typing: false };
    return this.wire.call('PUT', `${base}/rooms/${enc(room)}/typing/${enc(user)}`, body);
  }

  members(room: string): Promise<{ chunk: MatrixEvent[] }> {
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/members`);
  }

  join(room: string): Promise<Json> {
    return this.wire.call('POST', `${base}/join/${enc(room)}`, {});
  }

  leave(room: string): Promise<Json> {
    return this.wire.call('POST', `${base}/rooms/${enc(room)}/leave`, {});
  }
}
