// The disk of a shared ward computer: nothing outlives the tab.

import type { Line, RoomRow } from '../mx/room';
import type { MatrixEvent } from '../mx/types';
import type { Batch, Disk, Draft, OutItem, Start } from './disk';

export class MemoryDisk implements Disk {
  private readonly rooms = new Map<string, RoomRow>();
  private readonly ev = new Map<string, Map<number, Line>>();
  private readonly st = new Map<string, Map<string, MatrixEvent>>();
  private readonly outbox = new Map<number, OutItem>();
  private readonly drafts = new Map<string, Draft>();
  private readonly notes = new Map<string, unknown>();
  commits = 0;

  async open(): Promise<Start> {
    return {
      meta: new Map(this.notes),
      rooms: [...this.rooms.values()].map((r) => structuredClone(r)),
      out: await this.out(),
      drafts: [...this.drafts.values()],
    };
  }

  async meta(key: string): Promise<unknown> {
    return this.notes.get(key);
  }

  async commit(b: Batch): Promise<void> {
    this.commits++;
    for (const d of b.dropped) for (const l of d.lines) this.ev.get(d.room)?.delete(l.n);
    for (const r of b.rooms) this.rooms.set(r.id, structuredClone(r));
    for (const { room, lines } of b.lines) {
      const m = this.ev.get(room) ?? new Map<number, Line>();
      for (const l of lines) m.set(l.n, structuredClone(l));
      this.ev.set(room, m);
    }
    for (const { room, ev } of b.state) {
      const m = this.st.get(room) ?? new Map<string, MatrixEvent>();
      m.set(`${ev.type}\n${ev.state_key ?? ''}`, ev);
      this.st.set(room, m);
    }
    for (const [k, v] of Object.entries(b.meta)) this.notes.set(k, v);
    for (const seq of b.outDone) this.outbox.delete(seq);
  }

  async lines(room: string): Promise<Line[]> {
    return [...(this.ev.get(room)?.values() ?? [])].sort((a, b) => a.n - b.n).map((l) => structuredClone(l));
  }

  async state(room: string): Promise<MatrixEvent[]> {
    return [...(this.st.get(room)?.values() ?? [])];
  }

  async out(): Promise<OutItem[]> {
    return [...this.outbox.values()].sort((a, b) => a.seq - b.seq).map((i) => ({ ...i }));
  }

  async putOut(item: OutItem): Promise<void> {
    this.outbox.set(item.seq, { ...item });
  }

  async dropOut(seq: number): Promise<void> {
    this.outbox.delete(seq);
  }

  async putDraft(d: Draft): Promise<void> {
    if (d.text === '' && d.replyTo === '') this.drafts.delete(d.room);
    else this.drafts.set(d.room, d);
  }

  async putMeta(key: string, value: unknown): Promise<void> {
    this.notes.set(key, value);
  }

  async forgetRooms(): Promise<void> {
    this.rooms.clear();
    this.ev.clear();
    this.st.clear();
    this.notes.delete('pos');
  }

  async wipe(): Promise<void> {
    await this.forgetRooms();
    this.outbox.clear();
    this.drafts.clear();
    this.notes.clear();
  }
}
