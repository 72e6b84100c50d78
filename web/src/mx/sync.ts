// The sync loop over POST /_matrix/client/v4/sync (MSC4186): one request at a time, each with the pos of the last
// response that was applied. The first asks for the top of the list with one event each, so that something can be
// drawn; then the list grows until it covers every conversation and the top ones bring a screen of history.

import type { MatrixClient } from './client';
import { WireError } from './http';
import type { RoomConfig, SyncRequest, SyncResponse } from './types';

export interface SyncHost {
  apply(response: SyncResponse): Promise<void>;
  restart(): Promise<void>; // the server forgot our position
  live(): void;
  lost(): void;
  broken(e: unknown): void; // applying failed: data would be lost, the loop has stopped
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const STEP = 100;
const POLL_MS = 25_000;
const STATE = [
  { type: 'm.room.create', state_key: '' },
  { type: 'm.room.name', state_key: '' },
  { type: 'm.room.power_levels', state_key: '' },
  { type: 'uk.wardline.room' },
  { type: 'uk.wardline.patient' },
];

function config(limit: number): RoomConfig {
  return { timeline_limit: limit, required_state: { include: STATE, lazy_members: true } };
}

export class SyncLoop {
  pos: string | undefined;
  private readonly client: MatrixClient;
  private readonly host: SyncHost;
  private readonly connId: string;
  private range = 19;
  private total = 0;
  private open: string[] = [];
  private inFlight: AbortController | null = null;
  private stopped = false;
  private fresh = false; // to begin from nothing
  private failures = 0;
  private pausing = false;
  private answered = false; // the first question is not one that waits: the app wants to know at once that it has everything

  constructor(client: MatrixClient, host: SyncHost, connId: string) {
    this.client = client;
    this.host = host;
    this.connId = connId;
  }

  // watch names the rooms that are open on screen; they get full detail at once.
  watch(rooms: string[]): void {
    if (rooms.join() === this.open.join()) return;
    const added = rooms.some((r) => !this.open.includes(r));
    this.open = rooms;
    if (added) this.inFlight?.abort();
  }

  // wake ends a pause or a poll now, because the network or the person came back.
  wake(): void {
    this.inFlight?.abort();
  }

  // hurry ends a pause now, and leaves a question that is on its way alone: a slow network is not asked twice.
  hurry(): void {
    if (this.pausing) this.inFlight?.abort();
  }

  // anew begins from nothing with the next question.
  anew(): void {
    this.fresh = true;
    this.inFlight?.abort();
  }

  stop(): void {
    this.stopped = true;
    this.inFlight?.abort();
  }

  async run(): Promise<void> {
    while (!this.stopped) {
      if (this.fresh) this.forget();
      const aborter = new AbortController();
      this.inFlight = aborter;
      const timer = setTimeout(() => {
        this.failures++;
        this.host.lost();
        aborter.abort();
      }, POLL_MS + 15_000);
      let response: SyncResponse;
      try {
        response = await this.client.sync(this.request(), aborter.signal);
        if (aborter.signal.aborted) continue;
      } catch (e) {
        if (!aborter.signal.aborted) await this.failed(e, aborter.signal);
        continue;
      } finally {
        clearTimeout(timer);
      }
      this.failures = 0;
      this.answered = true;
      try {
        await this.host.apply(response);
      } catch (e) {
        this.host.broken(e);
        return;
      }
      this.pos = response.pos;
      this.grow(response);
      this.host.live();
    }
  }

  request(): SyncRequest {
    const first = this.pos === undefined;
    const growing = this.total > this.range + 1;
    const body: SyncRequest = {
      conn_id: this.connId,
      timeout: first || growing || !this.answered || this.failures > 0 ? 0 : POLL_MS,
      lists: { all: { range: [0, this.range], ...config(1) } },
      room_subscriptions: {},
      extensions: { typing: { enabled: true }, receipts: { enabled: true }, account_data: { enabled: true } },
    };
    if (this.pos !== undefined) {
      body.pos = this.pos;
      body.lists['near'] = { range: [0, 19], ...config(20) };
    }
    for (const room of this.open) body.room_subscriptions[room] = config(40);
    return body;
  }

  private forget(): void {
    this.fresh = false;
    this.pos = undefined;
    this.range = 19;
    this.total = 0;
  }

  private grow(response: SyncResponse): void {
    this.total = response.lists?.['all']?.count ?? this.total;
    if (this.total > this.range + 1) this.range = Math.min(this.total + 20, this.range + STEP);
  }

  private async failed(e: unknown, signal: AbortSignal): Promise<void> {
    if (e instanceof WireError && e.errcode === 'M_UNKNOWN_POS') {
      this.forget();
      await this.host.restart();
      return;
    }
    const locked = e instanceof WireError && e.errcode === 'M_USER_LOCKED';
    if (e instanceof WireError && e.status === 401 && !locked) {
      this.stopped = true;
      return;
    }
    this.failures++;
    this.host.lost();
    const asked = locked ? 30_000 : e instanceof WireError ? e.retryAfter : 0;
    // Never long: whoever holds a post may have a page waiting.
    const pause = Math.min(4_000, 500 * 2 ** Math.min(this.failures, 6)) * (0.75 + Math.random() / 2);
    this.pausing = asked === 0; // a server that names its time gets it
    await this.host.sleep(Math.max(asked, pause), signal);
    this.pausing = false;
  }
}
