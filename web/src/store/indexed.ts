// IndexedDB, without a wrapper. Rules: one write transaction per sync response with the new pos in it; 'relaxed'
// durability except for the outbox, which is 'strict' because the person has been told that the message waits; rows
// are small; a schema change drops what the server has and syncs again, and keeps what a person wrote. The order numbers
// of the outbox are made of the clock and so stay unique between tabs.

import type { Line, RoomRow } from '../mx/room';
import type { MatrixEvent } from '../mx/types';
import type { Batch, Disk, Draft, OutItem, Start } from './disk';

const NAME = 'wardline';
const VERSION = 4;

interface EvRow {
  room: string;
  n: number;
  ev: MatrixEvent;
}

function done<T>(r: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    r.onsuccess = () => resolve(r.result);
    r.onerror = () => reject(r.error ?? new Error('disk'));
  });
}

function settled(tx: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    tx.oncomplete = () => resolve();
    tx.onabort = tx.onerror = () => reject(tx.error ?? new Error('disk'));
  });
}

export class IndexedDisk implements Disk {
  private db: IDBDatabase | null = null;

  async open(): Promise<Start> {
    const db = await this.connect();
    const tx = db.transaction(['meta', 'rooms', 'out', 'draft']);
    const [keys, values, rooms, out, drafts] = await Promise.all([
      done(tx.objectStore('meta').getAllKeys()),
      done(tx.objectStore('meta').getAll() as IDBRequest<unknown[]>),
      done(tx.objectStore('rooms').getAll() as IDBRequest<RoomRow[]>),
      done(tx.objectStore('out').getAll() as IDBRequest<OutItem[]>),
      done(tx.objectStore('draft').getAll() as IDBRequest<Draft[]>),
    ]);
    const meta = new Map<string, unknown>();
    keys.forEach((k, i) => meta.set(String(k), values[i]));
    return { meta, rooms, out, drafts };
  }

  async meta(key: string): Promise<unknown> {
    const tx = (await this.connect()).transaction('meta');
    return done(tx.objectStore('meta').get(key) as IDBRequest<unknown>);
  }

  async commit(b: Batch): Promise<void> {
    const db = await this.connect();
    const tx = db.transaction(['rooms', 'ev', 'state', 'meta', 'out'], 'readwrite', { durability: 'relaxed' });
    const [rooms, ev, state, meta, out] = ['rooms', 'ev', 'state', 'meta', 'out'].map((s) => tx.objectStore(s));
    for (const d of b.dropped) for (const l of d.lines) ev?.delete([d.room, l.n]);
    for (const r of b.rooms) rooms?.put(r);
    for (const { room, lines } of b.lines) for (const l of lines) ev?.put({ room, n: l.n, ev: l.ev } satisfies EvRow);
    for (const s of b.state) state?.put({ room: s.room, type: s.ev.type, key: s.ev.state_key ?? '', ev: s.ev });
    for (const [k, v] of Object.entries(b.meta)) meta?.put(v, k);
    for (const seq of b.outDone) out?.delete(seq);
    await settled(tx);
  }

  async lines(room: string): Promise<Line[]> {
    const tx = (await this.connect()).transaction('ev');
    const rows = await done(tx.objectStore('ev').getAll(IDBKeyRange.bound([room], [room, []])) as IDBRequest<EvRow[]>);
    return rows.map((r) => ({ n: r.n, ev: r.ev }));
  }

  async state(room: string): Promise<MatrixEvent[]> {
    const tx = (await this.connect()).transaction('state');
    const range = IDBKeyRange.bound([room], [room, []]);
    const rows = await done(tx.objectStore('state').getAll(range) as IDBRequest<{ ev: MatrixEvent }[]>);
    return rows.map((r) => r.ev);
  }

  async out(): Promise<OutItem[]> {
    const tx = (await this.connect()).transaction('out');
    return done(tx.objectStore('out').getAll() as IDBRequest<OutItem[]>);
  }

  async putOut(item: OutItem): Promise<void> {
    const tx = (await this.connect()).transaction('out', 'readwrite', { durability: 'strict' });
    tx.objectStore('out').put(item);
    await settled(tx);
  }

  async dropOut(seq: number): Promise<void> {
    const tx = (await this.connect()).transaction('out', 'readwrite', { durability: 'strict' });
    tx.objectStore('out').delete(seq);
    await settled(tx);
  }

  async putDraft(d: Draft): Promise<void> {
    const tx = (await this.connect()).transaction('draft', 'readwrite', { durability: 'relaxed' });
    if (d.text === '' && d.replyTo === '') tx.objectStore('draft').delete(d.room);
    else tx.objectStore('draft').put(d);
    await settled(tx);
  }

  async putMeta(key: string, value: unknown): Promise<void> {
    const tx = (await this.connect()).transaction('meta', 'readwrite', { durability: 'relaxed' });
    tx.objectStore('meta').put(value, key);
    await settled(tx);
  }

  async forgetRooms(): Promise<void> {
    const tx = (await this.connect()).transaction(['rooms', 'ev', 'state', 'meta'], 'readwrite');
    for (const s of ['rooms', 'ev', 'state']) tx.objectStore(s).clear();
    tx.objectStore('meta').delete('pos');
    await settled(tx);
  }

  async wipe(): Promise<void> {
    const all = ['rooms', 'ev', 'state', 'meta', 'out', 'draft'];
    try {
      const tx = (await this.connect()).transaction(all, 'readwrite', { durability: 'strict' });
      for (const s of all) tx.objectStore(s).clear();
      await settled(tx);
    } catch {
      // The server's answer to a sign-out tells the browser to clear this site's storage, which closes the database under us.
    } finally {
      this.db?.close();
      this.db = null;
      indexedDB.deleteDatabase(NAME);
    }
  }

  private async connect(): Promise<IDBDatabase> {
    if (this.db) return this.db;
    const request = indexedDB.open(NAME, VERSION);
    request.onupgradeneeded = () => rebuild(request.result, request.transaction);
    const db = await done(request);
    db.onversionchange = () => { db.close(); this.db = null; };
    db.onclose = () => { this.db = null; };
    this.db = db;
    return db;
  }
}

const kept: Record<string, string | null> = { meta: null, out: 'seq', draft: 'room' };

// rebuild brings an older store to this version. What waits to be sent, what is half written and whose it is are nowhere else, so they stay
// as they are: a later version adds to them and never gives them another shape. All the rest is fetched again.
function rebuild(db: IDBDatabase, tx: IDBTransaction | null): void {
  for (const s of [...db.objectStoreNames]) {
    if (!(s in kept) || tx?.objectStore(s).keyPath !== kept[s]) db.deleteObjectStore(s);
  }
  const make = (name: string, keyPath: string | string[] | null): void => {
    if (!db.objectStoreNames.contains(name)) db.createObjectStore(name, keyPath === null ? {} : { keyPath });
  };
  for (const [name, keyPath] of Object.entries(kept)) make(name, keyPath);
  make('rooms', 'id');
  make('ev', ['room', 'n']);
  make('state', ['room', 'type', 'key']);
  tx?.objectStore('meta').delete('pos');
}
