// What of the conversations is at hand: taken from the disk when one is opened, fetched further back or around a message, and put away
// again when nobody looks. The rules of how much are in keep.ts.

import { Room } from '../mx/room';
import type { Line } from '../mx/room';
import { emptyBatch } from './disk';
import type { Batch, Disk } from './disk';
import { fetchAround, fetchMembers, fetchNewer, fetchOlder } from './history';
import { MOST, spare } from './keep';
import type { Host } from './marks';
import type { Tabs } from './tabs';

// Store is what the shelf needs of the engine beside what every part does.
export interface Store {
  readonly disk: Disk;
  readonly tabs: Tabs;
  writes(): boolean; // this tab leads and the session goes on
  learn(lines: Line[]): void; // reads what was fetched for pages and asks
  after<T>(run: () => Promise<T>): Promise<T>; // in turn with the responses of the sync
}

export class Shelf {
  openRoom = '';
  readonly known = new Set<string>(); // rooms that the disk has a row for
  private readonly host: Host;
  private readonly store: Store;

  constructor(host: Host, store: Store) {
    this.host = host;
    this.store = store;
  }

  // open makes a room the one on screen: its events come from the disk now and in full detail from the server.
  async open(id: string): Promise<Room> {
    this.openRoom = id;
    this.store.tabs.show(id);
    const room = this.host.rooms.get(id) ?? new Room(id);
    this.host.rooms.set(id, room);
    await this.load(room);
    return room;
  }

  close(id: string): void {
    if (this.openRoom !== id) return;
    this.openRoom = '';
    this.store.tabs.show('');
    const room = this.host.rooms.get(id);
    if (room) void this.shed(room).catch(() => undefined); // tried again when it is next closed
  }

  // load brings a room's newest run into memory from the disk.
  async load(room: Room): Promise<void> {
    if (room.loaded) return;
    if (!this.known.has(room.id)) {
      room.loaded = true;
      return;
    }
    const [lines, state] = await Promise.all([this.store.disk.lines(room.id), this.store.disk.state(room.id)]);
    if (room.loaded) return;
    for (const ev of state) if (!room.state.has(`${ev.type}\n${ev.state_key ?? ''}`)) room.takeState(ev);
    room.restore(lines, room.row());
    this.store.learn(lines);
    this.host.touch(room.id);
  }

  // around opens a run of the past at a message that is not at hand.
  async around(room: Room, event: string): Promise<Room> {
    const run = await fetchAround(this.host.mx, room, event);
    this.store.learn(run.lines);
    return run;
  }

  // newer goes on from a run of the past towards now, and answers whether it has come there.
  newer(run: Room): Promise<boolean> {
    return fetchNewer(this.host.mx, run, this.host.rooms.get(run.id) ?? run);
  }

  // history fetches the page before the oldest event held, and answers whether there may be more. The disk keeps what is near.
  async history(room: Room, limit = 50): Promise<boolean> {
    const whole = room.stored === null;
    const merge = await fetchOlder(this.host.mx, room, limit);
    if (this.host.rooms.get(room.id) === room && merge.added.length > 0) {
      this.store.learn(merge.added);
      if (this.store.writes() && whole && room.lines.length <= MOST) {
        room.stored = null;
        const batch = emptyBatch();
        batch.lines.push({ room: room.id, lines: merge.added });
        batch.dropped.push({ room: room.id, lines: merge.dropped });
        batch.rooms.push(room.row());
        await this.store.disk.commit(batch);
      }
    }
    this.host.touch(room.id);
    return room.prev !== null;
  }

  async members(room: Room): Promise<void> {
    if (await fetchMembers(this.host.mx, room)) this.host.touch(room.id);
  }

  // shed forgets what is far back in a long conversation; from is the oldest event that a screen still shows.
  shed(room: Room, from = Number.POSITIVE_INFINITY): Promise<void> {
    return this.store.after(async () => {
      if (this.host.rooms.get(room.id) !== room) return;
      const open = from === Number.POSITIVE_INFINITY && this.store.tabs.rooms().includes(room.id);
      const batch = emptyBatch();
      if (!this.cut(room, open ? Number.NEGATIVE_INFINITY : from, batch)) return;
      this.host.touch(room.id);
      if (!this.store.writes()) return;
      batch.rooms.push(room.row());
      await this.store.disk.commit(batch);
    });
  }

  // shedInto does the same for a room that nobody looks at, in the transaction that made it long.
  shedInto(room: Room, batch: Batch): void {
    if (!this.store.tabs.rooms().includes(room.id)) this.cut(room, Number.POSITIVE_INFINITY, batch);
  }

  private cut(room: Room, from: number, batch: Batch): boolean {
    const keep = spare(room, from);
    const lines = keep > 0 ? room.trim(keep) : [];
    if (lines.length === 0) return false;
    const gone = new Set(lines.map((l) => l.n));
    for (const b of batch.lines) if (b.room === room.id) b.lines = b.lines.filter((l) => !gone.has(l.n));
    batch.dropped.push({ room: room.id, lines });
    return true;
  }
}
