// The Matrix endpoints that the app uses, one method each. spec: client-server-api

import type { Wire } from './http';
import type { Json, MatrixEvent, MessagesPage, SyncRequest, SyncResponse } from './types';

const base = '/_matrix/client/v3';
const enc = encodeURIComponent;

export class MatrixClient {
  private readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  sync(body: SyncRequest, signal?: AbortSignal): Promise<SyncResponse> {
    return this.wire.call('POST', '/_matrix/client/v4/sync', body, signal);
  }

  messages(room: string, from: string, limit: number): Promise<MessagesPage> {
    const filter = enc(JSON.stringify({ lazy_load_members: true }));
    const start = from === '' ? '' : `&from=${enc(from)}`;
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/messages?dir=b&limit=${limit}${start}&filter=${filter}`);
  }

  // tokenBefore answers where history before an event continues, for an event whose own token is not known.
  async tokenBefore(room: string, event: string): Promise<string> {
    const at = `${base}/rooms/${enc(room)}/context/${enc(event)}?limit=0`;
    return (await this.wire.call<{ start?: string }>('GET', at)).start ?? '';
  }

  send(room: string, type: string, txn: string, content: Json): Promise<{ event_id: string }> {
    return this.wire.call('PUT', `${base}/rooms/${enc(room)}/send/${enc(type)}/${enc(txn)}`, content);
  }

  redact(room: string, event: string, txn: string): Promise<{ event_id: string }> {
    return this.wire.call('PUT', `${base}/rooms/${enc(room)}/redact/${enc(event)}/${enc(txn)}`, {});
  }

  event(room: string, event: string): Promise<MatrixEvent> {
    return this.wire.call('GET', `${base}/rooms/${enc(room)}/event/${enc(event)}`);
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
