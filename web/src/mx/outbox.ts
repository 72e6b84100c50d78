// Messages on their way out. Each is on disk before its request leaves; each room's messages go strictly in order,
// one at a time, under a transaction id that never changes, so an answer lost on the way back cannot send it twice.
// A request that may not have arrived is tried again with growing pauses; one that the server refused stays where it
// is until the person decides, and lets the next ones pass.

import type { Beside, Disk, OutItem } from '../store/disk';
import { WireError } from './http';
import { part } from './types';
import type { Json } from './types';

export interface Carrier {
  send(item: OutItem): Promise<string>; // answers the event id
  // upload answers the mxc address; keep puts on disk under which name a file goes, so that it can go on later.
  upload(item: OutItem, file: { blob: Blob; name: string; slot: string }, keep: (slot: string) => Promise<void>): Promise<string>;
  cancel?(item: OutItem): void; // stops an upload that is under way or interrupted
}

export interface Timer {
  now(): number;
  wait(ms: number, fn: () => void): () => void;
}

const FIRST_PAUSE = 1000;
const LONGEST_PAUSE = 20_000;

export class Outbox {
  items: OutItem[] = [];
  changed: (room: string) => void = () => {};
  lost: () => void = () => {};
  arrived: () => void = () => {};
  private readonly disk: Disk;
  private readonly carrier: Carrier;
  private readonly timer: Timer;
  private readonly busy = new Set<string>();
  private readonly pauses = new Map<string, () => void>();
  private running = false;
  private lastSeq = 0;

  constructor(disk: Disk, carrier: Carrier, timer: Timer) {
    this.disk = disk;
    this.carrier = carrier;
    this.timer = timer;
  }

  restore(items: OutItem[]): void {
    const back = (i: OutItem): OutItem => (i.state === 'sending' ? { ...i, state: 'waiting' } : i);
    this.items = items.map(back).sort((a, b) => a.seq - b.seq);
  }

  // run lets this outbox send; only the tab that holds the lock does.
  run(): void {
    this.running = true;
    this.kick();
  }

  stop(): void {
    this.running = false;
    for (const cancel of this.pauses.values()) cancel();
    this.pauses.clear();
  }

  // add shows the message at once and answers when it is safely on disk. Only then may it leave.
  async add(part: Pick<OutItem, 'room' | 'type' | 'content'> & Partial<OutItem>): Promise<OutItem> {
    const seq = Math.max(this.timer.now() * 1000, this.lastSeq + 1);
    this.lastSeq = seq;
    const item: OutItem = {
      seq, txn: `wl${seq.toString(36)}${Math.random().toString(36).slice(2, 8)}`, target: '', at: this.timer.now(),
      media: null, state: 'waiting', error: '', tries: 0, eventId: '', ...part,
    };
    this.items = [...this.items, item];
    this.busy.add(`disk ${seq}`);
    this.changed(item.room);
    try {
      await this.disk.putOut(item);
    } finally {
      this.busy.delete(`disk ${seq}`);
    }
    this.changed(item.room); // only now can the tab that sends find it
    this.kick(item.room);
    return item;
  }

  // merge takes what other tabs put on disk, and says whether anything is another now. The sending tab keeps its own view of what it is
  // sending, and takes what was added, is to be tried again, or was given up.
  merge(onDisk: OutItem[], sending: boolean): boolean {
    const writing = (i: OutItem): boolean => this.busy.has(`disk ${i.seq}`);
    const there = new Map(onDisk.map((i) => [i.seq, i]));
    if (!sending) {
      this.items = [...onDisk, ...this.items.filter((i) => writing(i) && !there.has(i.seq))].sort((a, b) => a.seq - b.seq);
      return true;
    }
    const have = new Set(this.items.map((i) => i.seq));
    const added = onDisk.filter((i) => !have.has(i.seq) && i.state === 'waiting');
    const given = this.items.filter((i) => !there.has(i.seq) && !writing(i) && (i.state === 'failed' || (i.media?.uri === '' && i.state !== 'sent')));
    const again = this.items.filter((i) => i.state === 'failed' && there.get(i.seq)?.state === 'waiting');
    if (added.length + given.length + again.length === 0) return false;
    for (const i of given) if (i.media?.uri === '') this.carrier.cancel?.(i);
    this.items = [...this.items.filter((i) => !given.includes(i)).map((i) => (again.includes(i) ? (there.get(i.seq) ?? i) : i)), ...added].sort((a, b) => a.seq - b.seq);
    this.kick();
    return true;
  }

  of(room: string): OutItem[] {
    return this.items.filter((i) => i.room === room);
  }

  waiting(): number {
    return this.items.filter((i) => i.state === 'waiting' || i.state === 'sending').length;
  }

  async retry(seq: number): Promise<void> {
    const item = this.items.find((i) => i.seq === seq);
    if (!item || item.state !== 'failed') return;
    await this.put({ ...item, state: 'waiting', error: '', tries: 0 });
    this.kick(item.room);
  }

  async drop(seq: number): Promise<void> {
    const item = this.items.find((i) => i.seq === seq);
    if (!item) return;
    if (item.state === 'sending') {
      if (!item.media || item.media.uri !== '' || !this.carrier.cancel) return; // it may have arrived already
    }
    if (item.media?.uri === '') this.carrier.cancel?.(item);
    this.items = this.items.filter((i) => i.seq !== seq);
    await this.disk.dropOut(seq);
    this.changed(item.room);
  }

  // echoed takes out what the server has shown back to us; the caller erases the answered rows with its own commit.
  echoed(room: string, seen: (item: OutItem) => boolean): number[] {
    const back = this.items.filter((i) => i.room === room && seen(i));
    if (back.length === 0) return [];
    this.items = this.items.filter((i) => !back.includes(i));
    return back.map((i) => i.seq);
  }

  // kick tries again now: the network came back, or something was added.
  kick(room?: string): void {
    if (!this.running) return;
    const rooms = room === undefined ? new Set(this.items.map((i) => i.room)) : [room];
    for (const r of rooms) {
      this.pauses.get(r)?.();
      this.pauses.delete(r);
      void this.next(r);
    }
  }

  private async next(room: string): Promise<void> {
    if (!this.running || this.busy.has(room) || this.pauses.has(room)) return;
    const item = this.items.find((i) => i.room === room && (i.state === 'waiting' || i.state === 'sending'));
    if (!item || this.busy.has(`disk ${item.seq}`)) return;
    this.busy.add(room);
    let pause = -1;
    try {
      pause = await this.attempt({ ...item, state: 'sending' });
    } finally {
      this.busy.delete(room);
    }
    if (pause < 0) void this.next(room);
    else this.pause(room, pause);
  }

  private pause(room: string, ms: number): void {
    if (!this.running) return;
    const cancel = this.timer.wait(ms, () => {
      this.pauses.delete(room);
      void this.next(room);
    });
    this.pauses.set(room, cancel);
  }

  // attempt answers how long to wait before the next try, or -1 to go on with the next message at once.
  private async attempt(item: OutItem): Promise<number> {
    this.replace(item);
    try {
      let ready = item;
      if (item.media && item.media.uri === '') {
        const uploaded = await this.upload(item);
        if (!uploaded) return -1; // cancelled with its last byte
        ready = uploaded;
      }
      const eventId = await this.carrier.send(ready);
      this.arrived();
      if (this.items.some((i) => i.seq === item.seq)) await this.put({ ...ready, state: 'sent', eventId });
      return -1;
    } catch (e) {
      return this.failed(item, e);
    }
  }

  // upload sends a message's files, those beside it first, and notes each on disk as it has arrived. It answers nothing when the
  // message is gone meanwhile.
  private async upload(item: OutItem): Promise<OutItem | undefined> {
    const here = (): OutItem | undefined => this.items.find((i) => i.seq === item.seq);
    for (const [n, b] of (item.media?.beside ?? []).entries()) {
      if (b.uri !== '') continue;
      const uri = await this.carrier.upload(item, { blob: b.blob, name: 'still.jpg', slot: '' }, () => Promise.resolve());
      const now = here();
      if (!now?.media) return undefined;
      const beside = (now.media.beside ?? []).map((o, i) => (i === n ? { ...o, uri } : o));
      await this.put({ ...now, media: { ...now.media, beside }, content: named(now.content, b, uri) });
    }
    const m = item.media;
    if (!m) return undefined;
    const keep = async (slot: string): Promise<void> => {
      const now = here();
      if (now?.media) await this.put({ ...now, media: { ...now.media, slot } });
    };
    const uri = await this.carrier.upload(item, { blob: m.blob, name: m.name, slot: m.slot ?? '' }, keep);
    const now = here();
    if (!now?.media) return undefined;
    const ready = { ...now, media: { ...now.media, uri }, content: { ...now.content, url: uri } };
    await this.put(ready);
    return ready;
  }

  private async failed(item: OutItem, e: unknown): Promise<number> {
    const now = this.items.find((i) => i.seq === item.seq);
    if (!now) return -1;
    if (e instanceof WireError && !e.lost && e.status !== 401) {
      await this.put({ ...now, state: 'failed', error: e.message });
      return -1;
    }
    const tries = now.tries + 1;
    const next: OutItem = { ...now, state: 'waiting', tries };
    if (now.media && now.media.uri === '') this.replace(next); // on disk it waits already, and a film is not written anew for a number
    else await this.put(next);
    if (e instanceof WireError && e.status === 0) this.lost();
    const asked = e instanceof WireError ? e.retryAfter : 0;
    return Math.max(asked, Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(tries - 1, 8)));
  }

  private replace(item: OutItem): void {
    this.items = this.items.map((i) => (i.seq === item.seq ? item : i));
    this.changed(item.room);
  }

  private async put(item: OutItem): Promise<void> {
    await this.disk.putOut(item);
    this.replace(item);
  }
}

// named says in a message where a file beside its own is.
function named(c: Json, b: Beside, uri: string): Json {
  const [key, member] = b.as === 'still' ? ['info', 'thumbnail_url'] : ['uk.wardline.layers', 'url'];
  return { ...c, [key]: { ...part(c, key), [member]: uri } };
}
