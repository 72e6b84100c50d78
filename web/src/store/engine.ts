// The engine: everything the screens show, kept in step with the server and the disk. One tab leads: it syncs, writes
// and sends. The others apply the same responses to their own memory and hand their outgoing messages to the disk.
// A response is applied in one disk transaction, then announced by topic. Look first at applySync and start.

import type { Clinical } from '../api/clinical';
import type { Me, Page } from '../api/types';
import { MatrixClient } from '../mx/client';
import type { HttpWire } from '../mx/http';
import { Outbox } from '../mx/outbox';
import { Room } from '../mx/room';
import type { Line } from '../mx/room';
import { SyncLoop } from '../mx/sync';
import { part, text } from '../mx/types';
import type { MatrixEvent, SyncResponse } from '../mx/types';
import { emptyBatch } from './disk';
import type { Batch, Disk, Draft } from './disk';
import type { Env, Signal } from './env';
import { applyExtensions } from './extensions';
import { fetchMembers, fetchOlder } from './history';
import { echoOf, sortRooms } from './list';
import { PageBook, askPages, readPage } from './pages';
import { People } from './people';
import { Topics } from './topics';

export class Engine {
  readonly topics = new Topics();
  readonly rooms = new Map<string, Room>();
  readonly pages = new PageBook();
  readonly people: People;
  readonly outbox: Outbox;
  readonly mx: MatrixClient;
  readonly drafts = new Map<string, Draft>();
  readonly progress = new Map<number, number>();
  me: Me = { user_id: '', device_id: '', name: '', role: '' };
  offlineSince = 0;
  broken = '';
  synced = false; // something was received from the server since this start
  openRoom = '';
  private readonly disk: Disk;
  private readonly wire: HttpWire;
  private readonly clinic: Clinical;
  private readonly env: Env;
  private loop: SyncLoop | null = null;
  private leading = false;
  private gone = false;
  private pos: string | undefined;
  private readonly known = new Set<string>(); // rooms that the disk has a row for
  private readonly opened = new Map<string, string>(); // tab to room
  private turn: Promise<void> = Promise.resolve();

  constructor(disk: Disk, wire: HttpWire, clinic: Clinical, env: Env) {
    this.disk = disk;
    this.wire = wire;
    this.clinic = clinic;
    this.env = env;
    this.mx = new MatrixClient(wire);
    this.people = new People((users) => clinic.people(users));
    this.people.changed = () => this.topics.emit('people');
    this.outbox = new Outbox(disk, {
      send: async (i) => {
        const away = i.type === 'm.room.redaction' ? this.mx.redact(i.room, i.target, i.txn) : this.mx.send(i.room, i.type, i.txn, i.content);
        return (await away).event_id;
      },
      upload: (i) => env.upload(i, (p) => { this.progress.set(i.seq, p); this.touch(i.room); }),
    }, env);
    this.outbox.changed = (room) => {
      this.touch(room);
      this.topics.emit('rooms');
      env.post({ kind: 'out' });
    };
    this.outbox.lost = () => this.setOffline(true);
    this.outbox.arrived = () => this.setOffline(false);
  }

  // recall reads what the device kept, and answers whose it is. Nothing is fetched.
  async recall(): Promise<Me | null> {
    const start = await this.disk.open();
    const me = start.meta.get('me') as Me | undefined;
    if (!me) return null;
    this.me = me;
    this.pos = start.meta.get('pos') as string | undefined;
    for (const row of start.rooms) {
      const room = new Room(row.id);
      room.fromRow(row);
      this.rooms.set(row.id, room);
      this.known.add(row.id);
    }
    this.outbox.restore(start.out);
    for (const d of start.drafts) this.drafts.set(d.room, d);
    this.announce();
    return me;
  }

  // start begins a signed-in session. Another person's leavings are erased first.
  async start(me: Me): Promise<void> {
    if (this.me.user_id !== '' && this.me.user_id !== me.user_id) await this.erase();
    this.gone = false;
    const fresh = this.me.device_id !== me.device_id;
    this.me = me;
    if (fresh) this.pos = undefined;
    await this.disk.putMeta('me', me);
    this.env.hear((s) => this.hear(s));
    this.env.lead(() => void this.lead());
    this.announce();
    void this.refreshPages();
  }

  // erase forgets everything about the person on this device.
  async erase(): Promise<void> {
    this.gone = true;
    this.loop?.stop();
    this.loop = null;
    this.outbox.stop();
    this.outbox.items = [];
    for (const m of [this.rooms, this.drafts, this.progress, this.opened]) m.clear();
    this.known.clear();
    this.pages.clear();
    this.people.clear();
    this.pos = undefined;
    this.me = { user_id: '', device_id: '', name: '', role: '' };
    await this.disk.wipe();
    this.announce();
  }

  tellOthersGone(): void {
    this.env.post({ kind: 'out of here' });
  }

  // networkChanged is the machine's opinion; the truth is whether requests come back.
  networkChanged(online: boolean): void {
    if (!online) this.setOffline(true);
    this.loop?.wake();
    if (online) this.outbox.kick();
  }

  sorted(): Room[] {
    return sortRooms(this.rooms, this.outbox.items, this.env.now());
  }

  unreadTotal(): number {
    return [...this.rooms.values()].filter((r) => r.membership === 'join' && r.unread > 0).length;
  }

  // open makes a room the one on screen: its events come from the disk now and in full detail from the server.
  async open(id: string): Promise<Room> {
    this.openRoom = id;
    this.opened.set(this.env.tab, id);
    this.env.post({ kind: 'open', tab: this.env.tab, room: id });
    this.watch();
    const room = this.rooms.get(id) ?? new Room(id);
    this.rooms.set(id, room);
    await this.load(room);
    return room;
  }

  close(id: string): void {
    if (this.openRoom !== id) return;
    this.openRoom = '';
    this.opened.delete(this.env.tab);
    this.env.post({ kind: 'open', tab: this.env.tab, room: '' });
    this.watch();
  }

  // load brings a room's newest run into memory from the disk.
  async load(room: Room): Promise<void> {
    if (room.loaded) return;
    if (!this.known.has(room.id)) {
      room.loaded = true;
      return;
    }
    const [lines, state] = await Promise.all([this.disk.lines(room.id), this.disk.state(room.id)]);
    if (room.loaded) return;
    for (const ev of state) if (!room.state.has(`${ev.type}\n${ev.state_key ?? ''}`)) room.takeState(ev);
    room.restore(lines, room.row());
    for (const l of lines) this.readClinical(l.ev);
    this.touch(room.id);
  }

  // history fetches the page before the oldest event held, and answers whether there may be more.
  async history(room: Room, limit = 50): Promise<boolean> {
    const merge = await fetchOlder(this.mx, room, limit);
    for (const l of merge.added) this.readClinical(l.ev);
    if (this.leading && merge.added.length > 0 && room.lines.length <= 400) {
      const batch = emptyBatch();
      batch.lines.push({ room: room.id, lines: merge.added });
      batch.dropped.push({ room: room.id, lines: merge.dropped });
      batch.rooms.push(room.row());
      await this.disk.commit(batch);
    }
    this.touch(room.id);
    return room.prev !== null;
  }

  async learnMembers(room: Room): Promise<void> {
    if (await fetchMembers(this.mx, room)) this.touch(room.id);
  }

  // read tells everyone that this person has seen the room up to its newest event.
  async read(room: Room): Promise<void> {
    const newest = room.lines[room.lines.length - 1]?.ev.event_id;
    const mine = room.receipts.get(this.me.user_id)?.event;
    if (newest === undefined || (newest === mine && room.unread === 0)) return;
    room.takeReceipt(newest, this.me.user_id, this.env.now());
    room.fullyRead = newest;
    if (room.unread > 0) {
      room.unread = 0;
      room.highlight = 0;
      this.topics.emit('rooms');
    }
    try {
      await this.mx.readUpTo(room.id, newest);
    } catch {
      room.receipts.delete(this.me.user_id); // tried again with the next look at the room
    }
  }

  setDraft(draft: Draft): void {
    if (draft.text === '' && draft.replyTo === '') this.drafts.delete(draft.room);
    else this.drafts.set(draft.room, draft);
    void this.disk.putDraft(draft);
    this.topics.emit('rooms');
  }

  takePages(pages: Page[]): void {
    const news = pages.filter((p) => this.pages.take(p));
    for (const p of news) {
      this.touch(p.room_id);
      this.env.post({ kind: 'page', page: p });
    }
    if (news.length > 0) this.topics.emit('pages');
  }

  // refreshPages asks for the boxes: after a start, after every return of the network, and as a belt beside the sync.
  async refreshPages(): Promise<void> {
    const { pages, now } = await askPages(this.clinic, this.pages, this.me.user_id);
    this.wire.noteClock(now);
    this.takePages(pages);
  }

  serverNow(): number {
    return this.wire.serverClock();
  }

  // applySync is the one place where a response becomes truth. Responses are applied strictly one after another.
  applySync(response: SyncResponse): Promise<void> {
    const mine = this.turn.then(() => this.applyNow(response));
    this.turn = mine.catch(() => undefined);
    return mine;
  }

  private async applyNow(r: SyncResponse): Promise<void> {
    if (this.gone) return;
    const batch = emptyBatch();
    const touched = new Set<string>();
    for (const [id, result] of Object.entries(r.rooms ?? {})) {
      let room = this.rooms.get(id);
      if (!room) this.rooms.set(id, (room = new Room(id)));
      await this.load(room);
      const merge = room.apply(result, this.me.user_id);
      touched.add(id);
      for (const ev of result.required_state ?? []) if (ev.content !== undefined) batch.state.push({ room: id, ev });
      this.collect(room, merge.added, batch);
      if (merge.dropped.length > 0) batch.dropped.push({ room: id, lines: merge.dropped });
      this.echo(room, result.initial === true, batch);
    }
    applyExtensions(r, this.rooms, this.me.user_id, touched);
    for (const id of touched) {
      const room = this.rooms.get(id);
      if (room) batch.rooms.push(room.row());
    }
    if (this.leading) {
      batch.meta['pos'] = r.pos;
      await this.disk.commit(batch);
      this.env.post({ kind: 'sync', response: r });
    }
    this.pos = r.pos;
    this.synced = true;
    for (const id of touched) {
      this.known.add(id);
      this.touch(id);
    }
    if (touched.size > 0) this.topics.emit('rooms');
  }

  private collect(room: Room, added: Line[], batch: Batch): void {
    const lines = [...added];
    for (const { ev } of added) {
      this.readClinical(ev);
      if (ev.state_key !== undefined) batch.state.push({ room: room.id, ev });
      if (ev.type !== 'm.room.redaction') continue;
      const blanked = room.blank(text(ev.content, 'redacts') || ev.redacts || '');
      if (blanked) lines.push(blanked);
    }
    batch.lines.push({ room: room.id, lines });
  }

  private echo(room: Room, initial: boolean, batch: Batch): void {
    const back = this.outbox.echoed(room.id, echoOf(room, this.me.user_id, initial));
    for (const seq of back) this.progress.delete(seq);
    batch.outDone.push(...back);
  }

  private readClinical(ev: MatrixEvent): void {
    const snapshot = readPage(part(ev.content, 'uk.wardline.page'));
    if (!snapshot || !this.pages.take(snapshot)) return;
    this.touch(snapshot.room_id);
    this.topics.emit('pages');
  }

  private async lead(): Promise<void> {
    if (this.gone || this.loop) return;
    const start = await this.disk.open();
    if (start.meta.get('pos') !== this.pos && this.synced) await this.restart();
    this.outbox.restore(start.out);
    this.leading = true;
    const loop = new SyncLoop(this.mx, {
      apply: (r) => this.applySync(r),
      restart: () => this.restart(),
      live: () => this.setOffline(false),
      lost: () => this.setOffline(true),
      broken: (e) => {
        this.broken = e instanceof Error ? e.message : 'unknown';
        this.topics.emit('status');
      },
      sleep: (ms, signal) => new Promise((resolve) => {
        const cancel = this.env.wait(ms, resolve);
        signal.addEventListener('abort', () => { cancel(); resolve(); }, { once: true });
      }),
    }, 'web');
    loop.pos = this.pos;
    this.loop = loop;
    this.watch();
    this.outbox.run();
    await loop.run();
  }

  // restart forgets the position only: rooms are kept on screen and replaced as they come again.
  private async restart(): Promise<void> {
    this.pos = undefined;
    await this.disk.putMeta('pos', undefined);
  }

  private watch(): void {
    const rooms = [...new Set(this.opened.values())].filter((r) => r !== '').sort();
    this.loop?.watch(rooms);
  }

  private hear(s: Signal): void {
    switch (s.kind) {
      case 'sync':
        if (!this.leading) void this.applySync(s.response as SyncResponse);
        break;
      case 'out':
        void this.reloadOut();
        break;
      case 'open':
        if (s.room === '') this.opened.delete(s.tab);
        else this.opened.set(s.tab, s.room);
        this.watch();
        break;
      case 'status':
        this.offlineSince = s.offlineSince;
        this.topics.emit('status');
        break;
      case 'page':
        if (this.pages.take(s.page as Page)) this.topics.emit('pages');
        break;
      case 'out of here':
        this.wire.onSignedOut();
        break;
      default:
    }
  }

  private async reloadOut(): Promise<void> {
    if (!this.outbox.merge(await this.disk.out(), this.leading)) return;
    for (const id of new Set(this.outbox.items.map((i) => i.room))) this.touch(id);
    this.topics.emit('rooms');
  }

  private setOffline(off: boolean): void {
    if (off === this.offlineSince > 0) return;
    this.offlineSince = off ? this.env.now() : 0;
    this.topics.emit('status');
    if (this.leading) this.env.post({ kind: 'status', offlineSince: this.offlineSince });
    if (!off) {
      this.outbox.kick();
      void this.refreshPages();
    }
  }

  private touch(room: string): void {
    const r = this.rooms.get(room);
    if (r) r.version++;
    this.topics.emit(`room ${room}`);
  }

  private announce(): void {
    for (const t of ['rooms', 'pages', 'status', 'people']) this.topics.emit(t);
  }
}
