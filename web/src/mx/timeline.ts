// The events of one conversation in memory: a contiguous run up to the newest, an older run beyond a gap, and what later events say
// about earlier ones. It knows how to merge what the server sends, from either end; what the events mean to the room is Room's.

import { Relations } from './relations';
import type { MatrixEvent, RoomResult } from './types';

export interface Line {
  n: number; // local order: grows towards the newest, may be negative; gaps leave room to prepend
  ev: MatrixEvent;
}

export interface Merge {
  added: Line[]; // to be written
  dropped: Line[]; // no longer reachable, to be erased
  live: MatrixEvent[]; // appended at the newest end by this response
}

const GAP = 100_000;

export abstract class Timeline {
  readonly id: string;
  lines: Line[] = [];
  prev: string | null = ''; // where history before lines[0] continues; empty when that must be asked for, null at the start of the room
  held: Line[] = []; // an older run, beyond a gap
  heldPrev: string | null = '';
  next: string | null = null; // a run of the past: where the way to the newest continues
  loaded = false; // the newest events were read from disk
  stored: number | null = null; // the oldest line of the newest run that the disk has, when memory has gone further back
  version = 0; // grows with every change that may be seen
  readonly relations = new Relations();
  protected index = new Map<string, number>();
  protected edge = Number.MIN_SAFE_INTEGER; // the line where the newest run begins, as read from disk

  constructor(id: string) {
    this.id = id;
  }

  abstract takeState(ev: MatrixEvent): void;

  has(id: string): boolean {
    return this.index.has(id);
  }

  orderOf(id: string): number | undefined {
    return this.index.get(id);
  }

  find(id: string): MatrixEvent | undefined {
    const n = this.index.get(id);
    if (n === undefined) return undefined;
    const line = this.lines[this.placeOf(n)];
    return line?.n === n ? line.ev : this.held.find((l) => l.n === n)?.ev;
  }

  // placeOf answers where in the newest run the first line at or after an order number stands.
  placeOf(n: number): number {
    return placeIn(this.lines, n);
  }

  // prepend takes a page of history, newest first, and answers the new lines and what a closed gap brought back. Whoever brings these to
  // the disk says so by clearing stored.
  prepend(page: MatrixEvent[], end: string | undefined): Merge {
    this.version++;
    const added: Line[] = [];
    let n = this.lines[0]?.n ?? 0;
    this.stored ??= this.lines.length > 0 ? n : n + 1;
    this.prev = end === undefined || end === '' ? null : end;
    for (const ev of page) {
      if (this.held.length > 0 && this.held[this.held.length - 1]?.ev.event_id === ev.event_id) {
        this.lines = [...this.held, ...added.reverse(), ...this.lines];
        this.prev = this.heldPrev;
        this.held = [];
        return { added, dropped: [], live: [] };
      }
      if (this.index.has(ev.event_id)) continue;
      n--;
      added.push({ n, ev });
      this.index.set(ev.event_id, n);
      this.relations.take(ev);
      if (ev.type === 'm.room.create') this.prev = null;
    }
    added.reverse();
    const dropped = this.held.filter((l) => l.n >= n);
    if (dropped.length > 0) this.dropHeld();
    this.lines = [...added, ...this.lines];
    return { added, dropped, live: [] };
  }

  // restore sets the run that the disk kept: from is where the newest run began.
  restore(lines: Line[], row: { from: number; heldPrev: string | null }): void {
    const mine = lines.filter((l) => !this.index.has(l.ev.event_id));
    for (const l of mine) {
      this.index.set(l.ev.event_id, l.n);
      this.relations.take(l.ev);
    }
    const run = mine.filter((l) => l.n >= row.from);
    this.held = mine.filter((l) => l.n < row.from);
    this.heldPrev = row.heldPrev;
    this.lines = run.sort((a, b) => a.n - b.n);
    this.held.sort((a, b) => a.n - b.n);
    this.loaded = true;
    this.version++;
  }

  // trim forgets all but the newest events, and answers what is to be erased. History before them is asked for again when somebody
  // scrolls there.
  trim(keep: number): Line[] {
    const at = this.lines.length - keep;
    if (at <= 0) return [];
    const dropped = [...this.held, ...this.lines.slice(0, at)];
    this.lines = this.lines.slice(at);
    this.held = [];
    this.heldPrev = '';
    this.prev = '';
    if (this.stored !== null && (this.lines[0]?.n ?? 0) >= this.stored) this.stored = null;
    const ids = new Set(dropped.map((l) => l.ev.event_id));
    for (const id of ids) this.index.delete(id);
    this.relations.forget(ids);
    this.version++;
    return dropped;
  }

  // blank forgets what a deleted message said and answers the line to be written back.
  blank(id: string, because: MatrixEvent): Line | undefined {
    const n = this.index.get(id);
    const line = [...this.lines, ...this.held].find((l) => l.n === n);
    if (!line || line.ev.state_key !== undefined) return undefined;
    line.ev = { ...line.ev, content: {}, unsigned: { ...line.ev.unsigned, redacted_because: because } };
    this.version++;
    return line;
  }

  // extend adds what follows a run of the past, and answers whether it has come to something that the other run holds.
  extend(page: MatrixEvent[], end: string | undefined, live: Timeline): boolean {
    this.version++;
    const met = page.some((ev) => live.lines.length > 0 && live.has(ev.event_id));
    this.append(page);
    this.next = met || end === undefined || page.length === 0 ? null : end;
    return met || this.next === null;
  }

  protected mergeTimeline(r: RoomResult): Merge {
    const events = r.timeline_events ?? r.timeline ?? [];
    const first = events.findIndex((e) => this.index.has(e.event_id));
    if (events.length === 0) return { added: [], dropped: [], live: [] };
    if (this.lines.length === 0 && this.held.length === 0) return this.start(events, r);
    if (first < 0) {
      const gap = r.limited === true || r.initial === true;
      return gap ? this.gap(events, r) : { added: this.append(events), dropped: [], live: events };
    }
    return this.overlap(events, first, r);
  }

  protected append(events: MatrixEvent[], start?: number): Line[] {
    let n = start ?? (this.lines[this.lines.length - 1]?.n ?? 0) + 1;
    const added: Line[] = [];
    for (const ev of events) {
      if (this.index.has(ev.event_id)) continue;
      const line = { n: n++, ev };
      added.push(line);
      this.index.set(ev.event_id, line.n);
      this.relations.take(ev);
      if (ev.state_key !== undefined) this.takeState(ev);
    }
    this.lines = [...this.lines, ...added];
    return added;
  }

  private start(events: MatrixEvent[], r: RoomResult): Merge {
    this.prev = this.tokenBefore(events, r);
    const added = this.append(events);
    return { added, dropped: [], live: r.initial ? events.slice(events.length - (r.num_live ?? 0)) : events };
  }

  private gap(events: MatrixEvent[], r: RoomResult): Merge {
    const dropped = this.held;
    for (const l of dropped) this.index.delete(l.ev.event_id);
    if (this.stored !== null) this.cut(this.stored);
    this.held = this.lines;
    this.heldPrev = this.prev;
    this.lines = [];
    this.prev = this.tokenBefore(events, r);
    const added = this.append(events, (this.held[this.held.length - 1]?.n ?? 0) + GAP);
    return { added, dropped, live: events.slice(events.length - (r.num_live ?? events.length)) };
  }

  private overlap(events: MatrixEvent[], first: number, r: RoomResult): Merge {
    const added: Line[] = [];
    const anchor = events[first]?.event_id;
    if (first > 0 && anchor !== undefined && this.lines[0]?.ev.event_id === anchor) {
      let n = this.lines[0].n;
      const older: Line[] = [];
      for (let i = first - 1; i >= 0; i--) {
        const ev = events[i];
        if (!ev) continue;
        older.unshift({ n: --n, ev });
        this.index.set(ev.event_id, n);
        this.relations.take(ev);
      }
      this.lines = [...older, ...this.lines];
      added.push(...older);
      this.prev = this.tokenBefore(events, r);
    }
    let lastKnown = first;
    events.forEach((e, i) => { if (this.index.has(e.event_id)) lastKnown = i; });
    const fresh = events.slice(lastKnown + 1);
    if (this.lines.length === 0) this.reopen();
    added.push(...this.append(fresh));
    return { added, dropped: [], live: fresh };
  }

  // cut forgets what memory has and the disk has not.
  private cut(from: number): void {
    const at = this.placeOf(from);
    for (const l of this.lines.slice(0, at)) this.index.delete(l.ev.event_id);
    this.lines = this.lines.slice(at);
    this.prev = '';
    this.stored = null;
  }

  // reopen makes a held run the newest again; it happens when only events of that run are known.
  private reopen(): void {
    this.lines = this.held;
    this.prev = this.heldPrev;
    this.held = [];
  }

  private tokenBefore(events: MatrixEvent[], r: RoomResult): string | null {
    if (events.some((e) => e.type === 'm.room.create')) return null;
    return r.prev_batch ?? '';
  }

  private dropHeld(): void {
    for (const l of this.held) this.index.delete(l.ev.event_id);
    this.held = [];
  }
}

// placeIn answers where the first line at or after an order number stands.
export function placeIn(lines: { n: number }[], n: number): number {
  let lo = 0;
  let hi = lines.length;
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if ((lines[mid]?.n ?? 0) < n) lo = mid + 1;
    else hi = mid;
  }
  return lo;
}
