// The engine: everything the screens show, kept in step with the server and the disk. One tab leads: it syncs, writes
// and sends. The others apply the same responses to their own memory and hand their outgoing messages to the disk.
// A response is applied in one disk transaction, then announced by topic. Look first at applySync and start.

import type { Clinical } from '../api/clinical';
import type { Me, Page } from '../api/types';
import { MatrixClient } from '../mx/client';
import type { HttpWire } from '../mx/http';
import { Outbox } from '../mx/outbox';
import { filesOf } from '../mx/media';
import { Room } from '../mx/room';
import type { Line } from '../mx/room';
import { SyncLoop } from '../mx/sync';
import { part, text } from '../mx/types';
import type { MatrixEvent, SyncResponse } from '../mx/types';
import { emptyBatch } from './disk';
import type { Batch, Disk, Draft } from './disk';
import { DraftSync, draftType } from './drafts';
import type { Env } from './env';
import { applyExtensions, levelsIn } from './extensions';
import { echoOf, sortRooms } from './list';
import { Marks } from './marks';
import type { Host } from './marks';
import type { Call } from '../api/emergency';
import { CallBook, readCall } from './calls';
import { PageBook, askPages, readPage } from './pages';
import { People } from './people';
import { Shelf } from './shelf';
import { Tabs } from './tabs';
import { Topics } from './topics';

export class Engine implements Host {
  readonly topics = new Topics();
  readonly rooms = new Map<string, Room>();
  readonly pages = new PageBook();
  readonly calls = new CallBook();
  readonly people: People;
  readonly outbox: Outbox;
  readonly mx: MatrixClient;
  readonly marks = new Marks(this);
  readonly shelf: Shelf;
  readonly drafts = new Map<string, Draft>();
  readonly progress = new Map<number, number>();
  private readonly uploads = new Map<number, AbortController>();
  private readonly draftSync: DraftSync;
  me: Me = { user_id: '', device_id: '', name: '', role: '' };
  offlineSince = 0;
  broken = '';
  keepsNothing = false; // the device cannot: everything is in memory
  synced = false; // something was received from the server since this start
  private readonly disk: Disk;
  private readonly wire: HttpWire;
  readonly clinic: Clinical;
  private readonly env: Env;
  private loop: SyncLoop | null = null;
  private leading = false;
  private gone = false;
  private pos: string | undefined;
  private readonly tabs: Tabs;
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
        const away = i.type === 'm.room.redaction' ? this.mx.redact(i.room, i.target, i.txn, i.content) : this.mx.send(i.room, i.type, i.txn, i.content);
        return (await away).event_id;
      },
      upload: (i, file, keep) => {
        const stop = this.uploads.get(i.seq) ?? new AbortController();
        this.uploads.set(i.seq, stop);
        const progress = (p: number): void => {
          if (file.blob !== i.media?.blob) return; // what goes beside it is small
          this.progress.set(i.seq, p);
          this.outChanged(i.room);
        };
        return env.upload(file, keep, progress, stop.signal).finally(() => this.uploads.delete(i.seq));
      },
      cancel: (i) => {
        this.uploads.get(i.seq)?.abort();
        if (i.media?.slot) env.abandon(i.media.slot);
      },
    }, env);
    this.draftSync = new DraftSync({
      put: (room, c) => this.mx.setData(this.me.user_id, room, draftType, c),
      wait: (ms, fn) => env.wait(ms, fn), now: () => this.serverNow(), device: () => this.me.device_id,
    });
    this.tabs = new Tabs(env, {
      sync: (r) => { if (!this.leading) void this.applySync(r); },
      out: () => void this.after(() => this.reloadOut()), // between two responses: what one of them showed back is gone from the disk then
      draft: (d) => this.takeBeside(d),
      opened: () => {
        this.loop?.watch(this.tabs.rooms());
        queueMicrotask(() => this.takeBeside(null)); // after a field that closes has said what is in it
        if (this.keepsNothing) this.env.standAlone(); // a tab that opens does not know
        else if (this.leading) this.env.post({ kind: 'status', offlineSince: this.offlineSince });
      },
      status: (since) => {
        if (since === this.offlineSince) return;
        this.offlineSince = since;
        this.topics.emit('status');
        this.tabs.urge(since > 0 && !this.leading);
      },
      hurry: () => this.loop?.hurry(),
      page: (p) => { if (this.pages.take(p)) this.topics.emit('pages'); },
      gone: () => this.wire.onSignedOut(),
      nothingKept: () => this.disk.giveUp?.(),
    });
    this.shelf = new Shelf(this, {
      disk, tabs: this.tabs, writes: () => this.leading && !this.gone, after: (run) => this.after(run),
      learn: (lines) => { for (const l of lines) this.readClinical(l.ev); },
    });
    this.outbox.changed = (room) => {
      this.outChanged(room);
      this.topics.emit('rooms');
      env.post({ kind: 'out' });
    };
    this.outbox.lost = () => this.setOffline(true);
    this.outbox.arrived = () => this.setOffline(false);
  }

  // recall reads what the device kept, and answers whose it is. Nothing is fetched. What the leading tab tells meanwhile comes after it.
  recall(): Promise<Me | null> {
    this.tabs.listen();
    return this.after(() => this.read());
  }

  private async read(): Promise<Me | null> {
    const start = await this.disk.open();
    const me = start.meta.get('me') as Me | undefined;
    if (!me) return null;
    this.me = me;
    this.pos = start.meta.get('pos') as string | undefined;
    for (const row of start.rooms) {
      const room = new Room(row.id);
      room.fromRow(row);
      this.rooms.set(row.id, room);
      this.shelf.known.add(row.id);
    }
    const set = (key: string): Set<string> => new Set((start.meta.get(key) as string[] | undefined) ?? []);
    this.marks.takeLevels({ muted: set('muted'), mentions: set('mentions') });
    this.marks.recall(start.meta);
    this.outbox.restore(start.out);
    for (const d of start.drafts) this.drafts.set(d.room, d);
    this.announce();
    return me;
  }

  // start begins a signed-in session. Another person's leavings are erased first. The first question to the server goes out before anything
  // is drawn for somebody of whom the device knows nothing, because they wait for its answer.
  async start(me: Me): Promise<void> {
    if (this.me.user_id !== '' && this.me.user_id !== me.user_id) await this.erase();
    this.gone = false;
    const fresh = this.me.device_id !== me.device_id;
    this.me = me;
    if (fresh) this.pos = undefined;
    const kept = this.disk.putMeta('me', me);
    this.tabs.listen();
    this.tabs.show('');
    const asked = new Promise<void>((ok) => { this.env.lead(() => void this.lead(ok)); });
    this.announce();
    await kept;
    if (this.rooms.size === 0) await Promise.race([asked, new Promise<void>((ok) => { this.env.wait(150, ok); })]);
    void this.refreshPages();
  }

  // keepNothing goes on when the disk cannot. What waits is taken along, and every conversation is fetched anew, because what was kept of
  // it may not be read any more. hazard: H1 a device that can keep nothing is still told of pages.
  async keepNothing(): Promise<void> {
    this.keepsNothing = true;
    this.env.standAlone();
    this.shelf.known.clear();
    if (this.me.user_id !== '') await this.disk.putMeta('me', this.me);
    for (const i of this.outbox.items) await this.disk.putOut(i);
    for (const d of this.drafts.values()) await this.disk.putDraft(d);
    this.topics.emit('status');
    if (this.loop) this.loop.anew();
    else if (this.me.user_id !== '') void this.lead(() => undefined);
  }

  // erase forgets everything about the person on this device.
  async erase(): Promise<void> {
    this.gone = true;
    this.loop?.stop();
    this.loop = null;
    this.outbox.stop();
    this.outbox.items = [];
    for (const m of [this.rooms, this.drafts, this.progress, this.tabs, this.shelf.known]) m.clear();
    this.marks.takeLevels({ muted: new Set(), mentions: new Set() });
    this.marks.recall();
    this.pages.clear();
    this.calls.clear();
    this.people.clear();
    this.draftSync.clear();
    this.pos = undefined;
    this.me = { user_id: '', device_id: '', name: '', role: '' };
    await this.disk.wipe();
    this.announce();
  }

  // clearCopies forgets what can be fetched again. Drafts and what waits to be sent stay. The page must start anew afterwards.
  async clearCopies(): Promise<void> {
    this.loop?.stop();
    await this.turn;
    this.gone = true;
    await this.disk.forgetRooms();
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

  // setDraft keeps what is half written. A field that was looked at and left as it was says nothing: another tab may know better.
  setDraft(draft: Draft): void {
    const was = this.drafts.get(draft.room);
    if (draft.text === (was?.text ?? '') && draft.replyTo === (was?.replyTo ?? '')) return;
    void this.disk.putDraft(draft);
    this.draftSync.changed(draft);
    this.env.post({ kind: 'draft', draft });
    this.takeDraft(draft);
  }

  private takeBeside(d: Draft | null): void {
    for (const free of this.draftSync.beside(d, this.shelf.openRoom)) this.takeDraft(free);
  }

  private takeDraft(d: Draft): void {
    if (d.text === '' && d.replyTo === '') this.drafts.delete(d.room);
    else this.drafts.set(d.room, d);
    this.topics.emit('rooms');
  }

  // takeDrafts reads what this person half wrote on another device.
  private takeDrafts(r: SyncResponse): void {
    for (const [room, events] of Object.entries(r.extensions?.account_data?.rooms ?? {})) {
      for (const e of events) {
        if (e.type !== draftType) continue;
        const d = this.draftSync.take(room, e.content, this.tabs.rooms().includes(room));
        if (!d) continue;
        if (this.leading) void this.disk.putDraft(d);
        this.takeDraft(d);
      }
    }
  }

  takePages(pages: Page[]): void {
    const news = pages.filter((p) => this.pages.take(p));
    for (const p of news) {
      this.touch(p.room_id);
      this.env.post({ kind: 'page', page: p });
    }
    if (news.length > 0) this.topics.emit('pages');
  }

  takeCall(c: Call): void {
    if (!this.calls.take(c)) return;
    this.touch(c.room_id);
    this.topics.emit('calls');
    // hazard: the board asks for this person and their page did not come with it: it is fetched, so that it rings.
    const me = this.me.user_id;
    if (c.status === 'open' && c.seats.some((s) => s.user === me && s.page !== '' && s.state !== 'coming' && s.state !== 'here' && !this.pages.get(s.page))) void this.refreshPages();
  }

  // refreshPages asks for the boxes: after a start, after every return of the network, and as a belt beside the sync.
  async refreshPages(): Promise<void> {
    const { pages, calls, now } = await askPages(this.clinic, this.pages, this.me.user_id);
    this.wire.noteClock(now);
    for (const c of calls) this.takeCall(c);
    this.takePages(pages);
  }

  now(): number {
    return this.env.now();
  }

  serverNow(): number {
    return this.wire.serverClock();
  }

  // applySync is the one place where a response becomes truth. Responses are applied strictly one after another.
  applySync(response: SyncResponse): Promise<void> {
    return this.after(() => this.applyNow(response));
  }

  private after<T>(run: () => Promise<T>): Promise<T> {
    const mine = this.turn.then(run);
    this.turn = mine.then(() => undefined, () => undefined);
    return mine;
  }

  private async applyNow(r: SyncResponse): Promise<void> {
    if (this.gone || this.me.user_id === '') return; // nobody is here: another tab's words are not for this one
    const batch = emptyBatch();
    const touched = new Set<string>();
    for (const [id, result] of Object.entries(r.rooms ?? {})) {
      let room = this.rooms.get(id);
      if (!room) this.rooms.set(id, (room = new Room(id)));
      await this.shelf.load(room);
      const merge = room.apply(result, this.me.user_id);
      touched.add(id);
      for (const ev of result.required_state ?? []) if (ev.content !== undefined) batch.state.push({ room: id, ev });
      this.collect(room, merge.added, batch);
      if (merge.dropped.length > 0) batch.dropped.push({ room: id, lines: merge.dropped });
      this.echo(room, result.initial === true, batch);
      this.shelf.shedInto(room, batch);
    }
    applyExtensions(r, this.rooms, this.me.user_id, touched);
    this.takeDrafts(r);
    const rules = r.extensions?.account_data?.global?.find((e) => e.type === 'm.push_rules');
    if (rules) {
      this.marks.takeLevels(levelsIn(rules.content));
      batch.meta['muted'] = [...this.marks.muted];
      batch.meta['mentions'] = [...this.marks.mentions];
    }
    const later = this.marks.takeData(r.extensions?.account_data?.global ?? [], batch.meta);
    for (const id of touched) {
      const room = this.rooms.get(id);
      if (room) batch.rooms.push(room.row());
    }
    this.announceSync(touched, rules !== undefined, later);
    if (this.leading) {
      await this.env.drawn();
      batch.meta['pos'] = r.pos;
      await this.disk.commit(batch);
      this.env.post({ kind: 'sync', response: r });
    }
    this.pos = r.pos;
    for (const id of touched) this.shelf.known.add(id);
  }

  // announceSync tells the screens before the disk is written, whose turn comes when they are drawn: what is lost between the two comes
  // again, because the position goes to the disk with it.
  private announceSync(touched: Set<string>, rules: boolean, later: string[]): void {
    const first = !this.synced; // whoever waits for the truth hears of it, also when nothing has changed
    this.synced = true;
    for (const id of touched) this.touch(id);
    if (touched.size > 0 || rules || first) this.topics.emit('rooms');
    for (const topic of later) this.topics.emit(topic);
    if (touched.size > 0) this.topics.emit('stars');
  }

  private collect(room: Room, added: Line[], batch: Batch): void {
    const lines = [...added];
    for (const { ev } of added) {
      this.readClinical(ev);
      if (ev.type === 'm.room.member' && this.people.noteFace(ev.state_key ?? '', text(ev.content, 'avatar_url'))) this.topics.emit('people');
      if (ev.state_key !== undefined) batch.state.push({ room: room.id, ev });
      if (ev.type !== 'm.room.redaction') continue;
      for (const gone of filesOf(room.find(text(ev.content, 'redacts') || ev.redacts || '')?.content)) this.env.forget(gone);
      const blanked = room.blank(text(ev.content, 'redacts') || ev.redacts || '', ev);
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
    if (part(ev.content, 'uk.wardline.ask')) this.topics.emit('asks');
    const call = readCall(part(ev.content, 'uk.wardline.emergency'));
    if (call) this.takeCall(call);
    const snapshot = readPage(part(ev.content, 'uk.wardline.page'));
    if (!snapshot || !this.pages.take(snapshot)) return;
    this.touch(snapshot.room_id);
    this.topics.emit('pages');
  }

  private async lead(asked: () => void): Promise<void> {
    if (this.gone || this.loop) return;
    const [pos, out] = await Promise.all([this.disk.meta('pos'), this.disk.out()]);
    if (pos !== this.pos && this.synced) await this.restart();
    this.outbox.restore(out);
    this.leading = true;
    this.tabs.urge(false);
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
    }, this.env.conn);
    loop.pos = this.pos;
    this.loop = loop;
    loop.watch(this.tabs.rooms());
    this.outbox.run();
    const done = loop.run();
    asked();
    await done;
  }

  // restart forgets the position only: rooms are kept on screen and replaced as they come again.
  private async restart(): Promise<void> {
    this.pos = undefined;
    await this.disk.putMeta('pos', undefined);
  }

  private async reloadOut(): Promise<void> {
    if (!this.outbox.merge(await this.disk.out(), this.leading)) return;
    for (const id of new Set(this.outbox.items.map((i) => i.room))) this.outChanged(id);
    this.topics.emit('rooms');
  }

  private setOffline(off: boolean): void {
    if (off === this.offlineSince > 0) return;
    this.offlineSince = off ? this.env.now() : 0;
    this.topics.emit('status');
    if (this.leading) this.env.post({ kind: 'status', offlineSince: this.offlineSince });
    if (!off) {
      this.outbox.kick();
      this.draftSync.flush();
      void this.refreshPages();
    }
  }

  touch(room: string): void {
    const r = this.rooms.get(room);
    if (r) r.version++;
    this.topics.emit(`room ${room}`);
  }

  // outChanged says that what waits to be sent in a room is another. What was said there is as it was.
  private outChanged(room: string): void {
    this.topics.emit(`out ${room}`);
    this.topics.emit(`room ${room}`);
  }

  private announce(): void {
    for (const t of ['rooms', 'pages', 'status', 'people']) this.topics.emit(t);
  }
}
