// One conversation in memory: its events (Timeline), what it is called, who is in it, who may do what and who has read how far. It
// neither fetches nor stores.

import { kindOf, preview, roleOf, threadOf } from './kinds';
import { Timeline } from './timeline';
import type { Merge } from './timeline';
import { number, part, text } from './types';
import type { Json, MatrixEvent, RoomResult } from './types';
import { t } from '../words/words';

export type { Line, Merge } from './timeline';

export interface Summary {
  id: string;
  sender: string;
  ts: number;
  body: string;
  quiet?: boolean; // for information only: it counts as nothing and makes no sound
}

// RoomRow is what the disk keeps of a conversation so that the list can be drawn before any event is read.
export interface RoomRow {
  id: string;
  name: string;
  dm: boolean;
  hero: string;
  cls: string;
  patient: Json | null;
  bump: number;
  unread: number;
  highlight: number;
  membership: string;
  joined: number;
  prev: string | null;
  from: number;
  heldPrev: string | null;
  last: Summary | null;
  lastNames: string;
  fullyRead: string;
  receipts: [string, string, number][];
  tags: string[];
  starred: [string, number][];
  threadReads: [string, string][];
  silentUntil?: number; // absent in rows of older versions
}

export interface Member { id: string; name: string }

// By the state that they were read from, which a run of the past shares with its conversation.
const membersOf = new WeakMap<Map<string, MatrixEvent>, Member[]>();

export class Room extends Timeline {
  name = '';
  dm = false;
  hero = '';
  cls = '';
  patient: Json | null = null;
  bump = 0;
  unread = 0;
  highlight = 0;
  membership = 'join';
  joined = 0;
  state = new Map<string, MatrixEvent>();
  receipts = new Map<string, { event: string; ts: number }>();
  typing: string[] = [];
  fullyRead = '';
  tags: string[] = [];
  silentUntil = 0; // when a silence of this person's ends, 0 for never
  starred = new Map<string, number>(); // this person's own, event to when
  threadReads = new Map<string, string>(); // how far this person has read: in threads, "main" outside of them, "" in everything
  last: Summary | null = null;
  lastName = '';
  membersKnown = false;

  stateOf(type: string, key = ''): Json | undefined {
    return this.state.get(`${type}\n${key}`)?.content;
  }

  nameOf(user: string): string {
    const name = text(this.stateOf('m.room.member', user), 'displayname');
    return name === '' ? localpart(user) : name;
  }

  // service is the trust's own account, which makes clinical rooms and is nobody in them.
  service(): string {
    const maker = this.state.get('m.room.create\n')?.sender ?? '';
    return localpart(maker) === 'wardline' ? maker : '';
  }

  // roleOf is what somebody may do in a group.
  roleOf(user: string): 'owner' | 'admin' | 'member' {
    return roleOf(this.power(user));
  }

  private power(user: string): number {
    const levels = this.stateOf('m.room.power_levels');
    return number(part(levels, 'users'), user, number(levels, 'users_default'));
  }

  // may says whether somebody has the power for a kind of state, or to remove what others wrote.
  may(user: string, act: string): boolean {
    const levels = this.stateOf('m.room.power_levels');
    if (act === 'redact' || act === 'kick') return this.power(user) >= number(levels, act, 50);
    return this.power(user) >= number(part(levels, 'events'), act, number(levels, 'state_default', 50));
  }

  // pinned are the messages that everybody here is to see, the newest pin last.
  pinned(): string[] {
    const list = this.stateOf('m.room.pinned_events')?.['pinned'];
    return Array.isArray(list) ? list.filter((p): p is string => typeof p === 'string' && !this.relations.isDeleted(p)) : [];
  }

  topic(): string {
    return text(this.stateOf('m.room.topic'), 'topic');
  }

  // rootOf is the thread that an event is in, empty for none; an edit is where its message is.
  rootOf(ev: MatrixEvent): string {
    const own = threadOf(ev);
    if (own !== '') return own;
    const relates = part(ev.content, 'm.relates_to');
    if (text(relates, 'rel_type') !== 'm.replace' && text(relates, 'rel_type') !== 'm.annotation') return '';
    const target = this.find(text(relates, 'event_id'));
    return target ? threadOf(target) : '';
  }

  // unreadIn counts what others said in a thread since this person read it, or everything. What they read outside of threads says
  // nothing about one.
  unreadIn(root: string, me: string): number {
    const marks = [this.threadReads.get(root), this.threadReads.get('')].map((m) => this.index.get(m ?? '')).filter((n) => n !== undefined);
    if (marks.length === 0) return 0;
    const from = Math.max(...marks);
    return this.relations.repliesOf(root).filter((ev) => ev.sender !== me && !this.relations.isDeleted(ev.event_id) && (this.index.get(ev.event_id) ?? -Infinity) > from).length;
  }

  // quietlyNew is true when the last that was said asks for nothing and this person has not looked at it yet: a dot, and no number.
  quietlyNew(me: string): boolean {
    const last = this.last;
    if (!last?.quiet || last.sender === me || this.unread > 0 || this.membership !== 'join' || this.fullyRead === last.id) return false;
    const read = this.receipts.get(me);
    if (!read) return true;
    const [a, b] = [this.index.get(read.event), this.index.get(last.id)];
    return a !== undefined && b !== undefined ? a < b : read.event !== last.id && read.ts < last.ts;
  }

  // people is how many persons are here.
  people(): number {
    const service = this.service();
    return Math.max(0, this.joined - (service !== '' && !this.absent(service) ? 1 : 0));
  }

  private absent(user: string): boolean {
    const m = this.stateOf('m.room.member', user);
    return m !== undefined && text(m, 'membership') !== 'join';
  }

  // members are the people here by name. It is the same list until somebody comes, goes or changes their name.
  members(): readonly Member[] {
    let list = membersOf.get(this.state);
    if (!list) membersOf.set(this.state, (list = this.sortedMembers()));
    return list;
  }

  private sortedMembers(): Member[] {
    const out: Member[] = [];
    for (const ev of this.state.values()) {
      if (ev.type !== 'm.room.member' || text(ev.content, 'membership') !== 'join') continue;
      const id = ev.state_key ?? '';
      if (id === this.service()) continue;
      out.push({ id, name: text(ev.content, 'displayname') || localpart(id) });
    }
    return out.sort((a, b) => a.name.localeCompare(b.name));
  }

  // title is what the conversation is called in lists and headers.
  title(): string {
    const patient = text(this.patient ?? undefined, 'name');
    if (patient !== '') return patient;
    return this.name === '' ? t('Conversation') : this.name;
  }

  // apply merges one room of a sync response. me decides which member is "the other one" of a direct chat.
  apply(r: RoomResult, me: string): Merge {
    this.version++;
    if (r.initial) {
      this.dm = r.is_dm ?? false;
      if (r.name === undefined) this.name = '';
    }
    if (r.is_dm !== undefined) this.dm = r.is_dm;
    if (r.membership !== undefined) this.membership = r.membership;
    if (r.bump_stamp !== undefined) this.bump = r.bump_stamp;
    if (r.joined_count !== undefined) this.joined = r.joined_count;
    if (r.notification_count !== undefined) this.unread = r.notification_count;
    if (r.highlight_count !== undefined) this.highlight = r.highlight_count;
    for (const s of r.required_state ?? []) {
      if (s.content === undefined) {
        this.state.delete(`${s.type}\n${s.state_key}`);
        membersOf.delete(this.state);
      }
      else this.takeState(s);
    }
    for (const s of r.stripped_state ?? r.invite_state ?? []) this.takeState(s);
    if (typeof r.name === 'string') this.name = r.name;
    const hero = r.heroes?.find((h) => h.user_id !== me);
    if (hero) this.hero = hero.user_id;
    if (this.name === '' && r.heroes && r.heroes.length > 0) {
      this.name = r.heroes.map((h) => h.displayname ?? this.nameOf(h.user_id)).join(', ');
    }
    const merge = this.mergeTimeline(r);
    this.readLast();
    return merge;
  }

  takeState(ev: MatrixEvent): void {
    this.state.set(`${ev.type}\n${ev.state_key ?? ''}`, ev);
    if (ev.type === 'm.room.member' || ev.type === 'm.room.create') membersOf.delete(this.state);
    if (ev.type === 'uk.wardline.room') this.cls = text(ev.content, 'class');
    if (ev.type === 'uk.wardline.patient') this.patient = text(ev.content, 'id') === '' ? null : ev.content;
    if (ev.type === 'm.room.name') this.name = text(ev.content, 'name');
  }

  // takeThreadReceipt notes how far this person has read in a thread.
  takeThreadReceipt(event: string, thread: string): void {
    const a = this.index.get(this.threadReads.get(thread) ?? '');
    const b = this.index.get(event);
    if (a !== undefined && b !== undefined && b < a) return;
    this.threadReads.set(thread, event);
    this.version++;
  }

  takeReceipt(event: string, user: string, ts: number): void {
    const old = this.receipts.get(user);
    const a = old ? this.index.get(old.event) : undefined;
    const b = this.index.get(event);
    if (a !== undefined && b !== undefined ? b < a : old !== undefined && b === undefined && ts < old.ts) return;
    this.receipts.set(user, { event, ts });
    this.version++;
  }

  fromRow(row: RoomRow): void {
    Object.assign(this, {
      name: row.name, dm: row.dm, hero: row.hero, cls: row.cls, patient: row.patient, bump: row.bump,
      unread: row.unread, highlight: row.highlight, membership: row.membership, joined: row.joined, prev: row.prev,
      heldPrev: row.heldPrev, last: row.last, lastName: row.lastNames, fullyRead: row.fullyRead, tags: row.tags, starred: new Map(row.starred), threadReads: new Map(row.threadReads), silentUntil: row.silentUntil ?? 0,
    });
    this.edge = row.from;
    for (const [user, event, ts] of row.receipts) this.receipts.set(user, { event, ts });
  }

  row(): RoomRow {
    const receipts: [string, string, number][] = [...this.receipts].map(([u, r]) => [u, r.event, r.ts]);
    return {
      id: this.id, name: this.name, dm: this.dm, hero: this.hero, cls: this.cls, patient: this.patient,
      bump: this.bump, unread: this.unread, highlight: this.highlight, membership: this.membership,
      joined: this.joined, prev: this.stored === null ? this.prev : '', from: this.stored ?? this.lines[0]?.n ?? this.edge, heldPrev: this.heldPrev,
      last: this.last, lastNames: this.lastName, fullyRead: this.fullyRead, receipts, tags: this.tags, starred: [...this.starred],
      threadReads: [...this.threadReads], silentUntil: this.silentUntil,
    };
  }

  // past makes a run of the past beside this one: it knows the same people and marks, and keeps its own events.
  past(around: MatrixEvent[], before: string | null, after: string | null): Room {
    const run = new Room(this.id);
    Object.assign(run, {
      name: this.name, dm: this.dm, hero: this.hero, cls: this.cls, patient: this.patient, joined: this.joined, membership: this.membership,
      state: this.state, receipts: this.receipts, starred: this.starred, tags: this.tags, membersKnown: true, loaded: true, relations: this.relations, threadReads: this.threadReads,
    });
    run.append(around);
    run.prev = before;
    run.next = after;
    return run;
  }

  private readLast(): void {
    for (let i = this.lines.length - 1; i >= 0; i--) {
      const ev = this.lines[i]?.ev;
      if (!ev) continue;
      const gone = this.relations.isDeleted(ev.event_id);
      const kind = kindOf(ev, gone);
      if (kind === 'hidden' || kind === 'note') continue;
      const edit = this.relations.editOf(ev);
      const shown = edit ? { ...ev, content: edit } : ev;
      const body = kind === 'deleted' ? t('Message deleted') : preview(shown);
      this.last = { id: ev.event_id, sender: ev.sender, ts: ev.origin_server_ts, body, quiet: text(shown.content, 'msgtype') === 'm.notice' };
      this.lastName = this.nameOf(ev.sender);
      return;
    }
  }
}

// localpart is the readable part of a user id, for the moments before a name is known.
export function localpart(user: string): string {
  const end = user.indexOf(':');
  return end > 1 ? user.slice(1, end) : user;
}
