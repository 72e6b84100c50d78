// Turns a run of events into the rows of a conversation. Rows that did not change stay the same objects, so the
// screen touches only what did.

import { engine } from '../app';
import type { OutItem } from '../store/disk';
import { mediaOf, type Media } from '../mx/media';
import { isEdit, joinedAlone, kindOf, noteWords, plainBody, preview, threadOf } from '../mx/kinds';
import { isPoll, pollOf, type Poll } from '../mx/poll';
import type { Decision, Filing } from '../mx/relations';
import { blocks, fromHtml, plain, wordsOf, type Named, type Rich } from '../mx/rich';
import type { Line, Member, Room } from '../mx/room';
import { number, part, text } from '../mx/types';
import type { Json, MatrixEvent } from '../mx/types';
import { day, dayTitle } from './format';
import { many, t } from '../words/words';

export interface Quote { id: string; name: string; body: string }
export interface React { key: string; count: number; mine: string | undefined; names: string }
export interface ThreadLine { root: string; count: number; last: string; ts: number; unread: number }
export interface PollRow { poll: Poll; mine: string[]; counts: Record<string, number>; names: Record<string, string>; voters: number; ended: boolean; byMe: boolean }

export interface SayRow {
  kind: 'say';
  key: string;
  id: string; // event id, empty while it waits
  n: number;
  own: boolean;
  first: boolean;
  last: boolean;
  sender: string;
  name: string;
  role: string;
  ts: number;
  body: string;
  media: Media | null; // a photo, film, voice note or file
  deleted: boolean;
  deletedBy: string;
  edited: boolean;
  rich: Rich[] | null; // formatting; null when the body says all
  kind2: '' | 'fyi' | 'place'; // what kind of message it is, beside its words
  forwarded: { name: string; ts: number } | null;
  thread: ThreadLine | null;
  poll: PollRow | null;
  ask: Json | null; // a question or request, with its newest state
  starred: boolean;
  pinned: boolean;
  quote: Quote | null;
  reacts: React[];
  decision: Decision | undefined;
  filing: Filing | undefined;
  state: 'wait' | 'sending' | 'failed' | 'sent' | 'seen';
  error: string;
  seq: number;
  progress: number;
  receipt: string;
}

export type Row =
  | SayRow
  | { kind: 'day' | 'new'; key: string; words: string; n: number }
  | { kind: 'note'; key: string; words: string; n: number; joined: string[] }
  | { kind: 'page'; key: string; id: string; page: string; own: boolean; n: number }
  | { kind: 'call'; key: string; id: string; call: string; n: number };

const BREAK = 5 * 60_000;

// same says whether two drawings of a line would look alike. A file's own bytes and the tree of its words are compared by what they are.
function same(a: Row, b: Row): boolean {
  const [x, y] = [a as unknown as Json, b as unknown as Json];
  for (const k of Object.keys(y)) {
    const [v, w] = [x[k], y[k]];
    if (v === w) continue;
    if (k === 'rich' || typeof v !== 'object' || typeof w !== 'object' || v === null || w === null || JSON.stringify(v, withoutBytes) !== JSON.stringify(w, withoutBytes)) return false;
  }
  return true;
}

const withoutBytes = (k: string, v: unknown): unknown => (k === 'local' || k === 'localPoster' ? undefined : v);

// Base is what the events alone look like, for as long as nothing about them has changed.
interface Base { lines: Line[]; newAfter: number | null; newWords: string; today: string; edits: OutItem[]; rows: Row[]; end: Place | null }
interface Place { day: string; sender: string; ts: number }

export class StreamRows {
  private cache = new Map<string, Row>();
  private base: Base | null = null;

  // build draws the lines of a window. Its first line has its day and its sender above it whatever stands before it, so that nothing that
  // comes there moves what is drawn. In a thread only the thread is drawn. The same array of lines says that nothing has changed about
  // them: then only what waits to be sent is drawn anew.
  build(room: Room, lines: Line[], newAfter: number | null, newWords: string, out: OutItem[], now: number, thread = ''): Row[] {
    const ctx = new Context(room, out, thread);
    const today = day(now);
    const edits = out.filter((i) => isEdit(i.content));
    let b = this.base;
    if (!b || b.lines !== lines || b.newAfter !== newAfter || b.newWords !== newWords || b.today !== today || b.edits.length !== edits.length || !b.edits.every((e, i) => e === edits[i])) {
      b = { lines, newAfter, newWords, today, edits, ...this.said(ctx, lines, newAfter, newWords, now) };
    }
    this.base = b;
    const rows = [...b.rows];
    const waiting = out.filter((i) => (i.type === 'm.room.message' || i.type === 'm.poll.start') && !isEdit(i.content) && threadOf({ content: i.content } as MatrixEvent) === thread);
    const newest = rows.at(-1);
    if (waiting.length > 0 && newest?.kind === 'say' && newest.own && newest.last) rows[rows.length - 1] = this.keep({ ...newest, last: false });
    let prev = b.end;
    waiting.forEach((item, i) => {
      const d = day(item.at);
      if (prev?.day !== d) rows.push(this.keep({ kind: 'day', key: `day ${d}`, words: dayTitle(item.at, now), n: Number.MAX_SAFE_INTEGER }));
      rows.push(this.keep(ctx.waiting(item, i === 0 && prev?.sender !== ctx.me, i === waiting.length - 1)));
      prev = { day: d, sender: ctx.me, ts: item.at };
    });
    this.cache = new Map(rows.map((r) => [r.key, r]));
    return rows;
  }

  // keep answers the row of before when it would look the same.
  private keep(row: Row): Row {
    const old = this.cache.get(row.key);
    return old && old.kind === row.kind && same(old, row) ? old : row;
  }

  // said draws the events, as if nothing waited to be sent.
  private said(ctx: Context, lines: Line[], newAfter: number | null, newWords: string, now: number): { rows: Row[]; end: Place | null } {
    const { room, thread } = ctx;
    const rows: Row[] = [];
    const put = (row: Row): void => void rows.push(this.keep(row));
    const service = room.service();
    let prev: Place | null = null;
    let marked = newAfter === null;
    const shown = lines.filter((l) => ctx.kind(l.ev) !== 'hidden' && (thread !== '' || threadOf(l.ev) === ''));
    const lastSay = (i: number): boolean => {
      const a = shown[i]?.ev;
      const b = shown[i + 1]?.ev;
      return !a || !b || !ctx.isSay(b) || b.sender !== a.sender || b.origin_server_ts - a.origin_server_ts > BREAK;
    };
    shown.forEach((l, i) => {
      const ev = l.ev;
      const kind = ctx.kind(ev);
      const words = kind === 'note' ? noteWords(ev, (u) => room.nameOf(u), service) : '';
      if (kind === 'note' && words === '') return;
      const d = day(ev.origin_server_ts);
      if (prev?.day !== d) {
        put({ kind: 'day', key: `day ${d}`, words: dayTitle(ev.origin_server_ts, now), n: l.n });
        prev = { day: d, sender: '', ts: 0 };
      }
      if (!marked && newAfter !== null && l.n > newAfter) {
        marked = true;
        put({ kind: 'new', key: 'new', words: newWords, n: l.n });
        prev.sender = '';
      }
      if (kind === 'note') note(rows, put, { kind: 'note', key: ev.event_id, words, n: l.n, joined: [joinedAlone(ev, (u) => room.nameOf(u))].filter((name) => name !== '') });
      else if (kind === 'call') put({ kind: 'call', key: ev.event_id, id: ev.event_id, call: text(part(ev.content, 'uk.wardline.emergency'), 'id'), n: l.n });
      else if (kind === 'page') put(ctx.page(l));
      else put(ctx.say(l, !(prev.sender === ev.sender && ev.origin_server_ts - prev.ts <= BREAK), lastSay(i)));
      prev.sender = kind === 'say' || kind === 'deleted' ? ev.sender : '';
      prev.ts = ev.origin_server_ts;
    });
    return { rows, end: prev };
  }
}

// What a content looks like is worked out once, and again when somebody's name was learnt.
const drawn = new WeakMap<Json, { names: number; tree: Rich[] | null }>();

// note joins people who arrive one after another into one line.
function note(rows: Row[], put: (row: Row) => void, row: Extract<Row, { kind: 'note' }>): void {
  const last = rows.at(-1);
  if (row.joined.length === 0 || last?.kind !== 'note' || last.joined.length === 0) {
    put(row);
    return;
  }
  const joined = [...last.joined, ...row.joined];
  const [first = '', second = ''] = joined;
  rows.pop();
  put({ ...last, joined, words: joined.length === 2 ? t('{first} and {second} joined', { first, second }) : many(joined.length - 1, '{first} and {n} other joined', '{first} and {n} others joined', { first }) });
}

// Whom a message may name, made once for as long as the same people are here.
const namedOf = new WeakMap<object, Named[]>();
function namedIn(members: readonly Member[]): Named[] {
  let named = namedOf.get(members);
  if (!named) namedOf.set(members, (named = members.map((m) => ({ name: m.name, user: m.id }))));
  return named;
}

const nobody: React[] = [];

class Context {
  readonly me = engine.me.user_id;
  readonly room: Room;
  private readonly reads: Map<string, number>;
  private readonly service: string;
  private readonly newestOwn: string;
  private readonly pending = new Map<string, OutItem>(); // edits on their way, by what they change
  private readonly pins: Set<string>;
  private readonly named: Named[];
  readonly thread: string;

  constructor(room: Room, out: OutItem[], thread: string) {
    this.room = room;
    this.thread = thread;
    this.pins = new Set(room.pinned());
    this.named = namedIn(room.members());
    for (const i of out) if (isEdit(i.content)) this.pending.set(text(part(i.content, 'm.relates_to'), 'event_id'), i);
    this.reads = readsOf(room);
    this.service = room.service();
    const own = room.lines.findLast((l) => l.ev.sender === this.me && this.isSay(l.ev));
    this.newestOwn = own?.ev.event_id ?? '';
  }

  kind(ev: MatrixEvent): ReturnType<typeof kindOf> {
    return kindOf(ev, this.room.relations.isDeleted(ev.event_id));
  }

  isSay(ev: MatrixEvent): boolean {
    const k = this.kind(ev);
    return k === 'say' || k === 'deleted';
  }

  page(l: Line): Row {
    const id = text(part(l.ev.content, 'uk.wardline.page'), 'id');
    return { kind: 'page', key: l.ev.event_id, id: l.ev.event_id, page: id, own: l.ev.sender === this.me, n: l.n };
  }

  say(l: Line, first: boolean, last: boolean): SayRow {
    const { room } = this;
    const ev = l.ev;
    const rel = room.relations;
    const own = ev.sender === this.me;
    const deleted = this.kind(ev) === 'deleted';
    const pending = deleted ? undefined : this.pending.get(ev.event_id);
    const edit = deleted ? undefined : (part(pending?.content, 'm.new_content') ?? rel.editOf(ev));
    const c = edit ?? ev.content;
    const ask = deleted ? undefined : (rel.askOf(ev.event_id) ?? part(ev.content, 'uk.wardline.ask'));
    const seen = own ? this.readers(l.n) : [];
    return {
      kind: 'say', key: ev.unsigned?.transaction_id ?? ev.event_id, id: ev.event_id, n: l.n, own, first, last,
      sender: ev.sender, name: room.nameOf(ev.sender), role: own ? '' : engine.people.role(ev.sender), ts: ev.origin_server_ts,
      body: deleted ? '' : ask ? text(ask, 'text') : bodyOf(ev, c), ...this.extras(ev, c, deleted), ask: ask ?? null, media: deleted ? null : mediaOf(c), deleted, edited: edit !== undefined,
      quote: deleted ? null : this.quote(ev.content), reacts: this.reacts(ev.event_id),
      decision: rel.decisionOf(ev.event_id), filing: rel.filingOf(ev.event_id),
      state: pending ? (pending.state === 'failed' ? 'failed' : 'sending') : seen.length > 0 ? 'seen' : 'sent',
      error: pending?.state === 'failed' ? t('the change: {error}', { error: pending.error }) : '', seq: pending?.seq ?? 0, progress: 1,
      receipt: own && ev.event_id === this.newestOwn ? receiptWords(room, seen) : '',
    };
  }

  waiting(i: OutItem, first: boolean, last: boolean): SayRow {
    const m = i.media;
    const state = i.state === 'failed' ? 'failed' : i.state === 'sent' ? 'sent' : i.state === 'sending' ? 'sending' : 'wait';
    return {
      kind: 'say', key: i.txn, id: i.eventId, n: Number.MAX_SAFE_INTEGER, own: true, first, last, sender: this.me, name: '', role: '', ts: i.at,
      body: m ? captionOf(i.content) : text(i.content, 'body'), rich: m ? null : this.rich(i.content), kind2: kindWord(i.content), forwarded: null, thread: null,
      poll: i.type === 'm.poll.start' ? this.poll({ content: i.content } as MatrixEvent, i.content) : null, ask: null, starred: false, pinned: false, deletedBy: '', media: m ? mediaOf(i.content, m.blob, m.beside?.find((b) => b.as === 'still')?.blob ?? null) : null, deleted: false,
      edited: false, quote: this.quote(i.content), reacts: [], decision: undefined, filing: undefined, state, error: i.error,
      seq: i.seq, progress: m ? (engine.progress.get(i.seq) ?? 0) : 1, receipt: '',
    };
  }

  private extras(ev: MatrixEvent, c: Json, deleted: boolean): Pick<SayRow, 'deletedBy' | 'rich' | 'kind2' | 'forwarded' | 'thread' | 'poll' | 'starred' | 'pinned'> {
    const { room } = this;
    const from = part(c, 'uk.wardline.forwarded');
    const by = deleted ? (room.relations.deletionOf(ev.event_id)?.by ?? '') : '';
    return {
      deletedBy: by === '' ? '' : by === this.me ? t('you') : room.nameOf(by),
      rich: deleted ? null : this.rich(c), kind2: deleted ? '' : kindWord(c),
      forwarded: !deleted && from ? { name: text(from, 'name'), ts: number(from, 'at') } : null,
      thread: this.thread === '' ? this.threadLine(ev) : null,
      poll: !deleted && isPoll(ev) ? this.poll(ev, c) : null,
      starred: room.starred.has(ev.event_id), pinned: this.pins.has(ev.event_id),
    };
  }

  private rich(c: Json): Rich[] | null {
    const old = drawn.get(c);
    if (old && old.names === this.named.length) return old.tree;
    const tree = this.draw(c);
    drawn.set(c, { names: this.named.length, tree });
    return tree;
  }

  // draw reads the formatting of a message: that of its HTML, or of the marks in its plain body.
  private draw(c: Json): Rich[] | null {
    const type = text(c, 'msgtype');
    if (type !== 'm.text' && type !== 'm.notice' && type !== 'm.emote') return null;
    const source = text(c, 'formatted_body');
    const forwarded = part(c, 'uk.wardline.forwarded') !== undefined;
    if (text(c, 'format') === 'org.matrix.custom.html' && source !== '' && !forwarded) {
      const tree = fromHtml(source);
      if (wordsOf(tree).trim() !== '') return tree;
    }
    const tree = blocks(plainBody(c), this.named);
    return plain(tree) && !/https?:\/\//.test(text(c, 'body')) ? null : tree;
  }

  private threadLine(ev: MatrixEvent): ThreadLine | null {
    const line = this.room.relations.threadOf(ev.event_id);
    if (!line) return null;
    const e = line.last?.event;
    const who = line.last ? (line.last.sender === this.me ? t('You') : (this.room.nameOf(line.last.sender).split(' ')[0] ?? '')) : '';
    const words = e ? preview({ ...e, content: this.room.relations.editOf(e) ?? e.content }) : '';
    return { root: ev.event_id, count: line.count, last: words === '' ? '' : `${who}: ${words}`, ts: line.last?.ts ?? 0, unread: this.room.unreadIn(ev.event_id, this.me) };
  }

  private poll(ev: MatrixEvent, c: Json): PollRow | null {
    const poll = pollOf(c);
    if (!poll) return null;
    const { votes, end } = ev.event_id ? this.room.relations.votesOf(ev) : { votes: new Map(), end: undefined };
    const ended = end !== undefined && (end.sender === ev.sender || this.room.may(end.sender, 'redact'));
    const counts: Record<string, number> = {};
    const names: Record<string, string> = {};
    let voters = 0;
    for (const [user, v] of votes) {
      const valid = v.answers.filter((a: string) => poll.answers.some((x) => x.id === a)).slice(0, poll.most);
      if (valid.length > 0) voters++;
      for (const a of valid) {
        counts[a] = (counts[a] ?? 0) + 1;
        names[a] = `${names[a] ? `${names[a]}, ` : ''}${user === this.me ? t('you') : this.room.nameOf(user)}`;
      }
    }
    return { poll, mine: votes.get(this.me)?.answers ?? [], counts, names, voters, ended, byMe: ev.sender === this.me };
  }

  private readers(n: number): string[] {
    const out: string[] = [];
    for (const [user, at] of this.reads) if (user !== this.me && user !== this.service && at >= n) out.push(user);
    return out;
  }

  private quote(c: Json): Quote | null {
    const relates = part(c, 'm.relates_to');
    const id = text(part(relates, 'm.in_reply_to'), 'event_id');
    if (id === '' || (text(relates, 'rel_type') === 'm.thread' && relates?.['is_falling_back'] === true)) return null;
    const ev = this.room.find(id);
    if (!ev) return { id, name: '', body: t('An earlier message') };
    const name = ev.sender === this.me ? t('You') : this.room.nameOf(ev.sender);
    const gone = this.room.relations.isDeleted(id);
    return { id, name, body: gone ? t('Message deleted') : preview({ ...ev, content: this.room.relations.editOf(ev) ?? ev.content }) };
  }

  private reacts(id: string): React[] {
    const all = this.room.relations.reactionsOf(id);
    if (all.length === 0) return nobody;
    return all.map((r) => ({
      key: r.key, count: r.by.size, mine: r.by.get(this.me),
      names: [...r.by.keys()].map((u) => (u === this.me ? t('you') : this.room.nameOf(u))).join(', '),
    }));
  }
}

const readsCache = new WeakMap<Room, { version: number; reads: Map<string, number> }>();

// readsOf answers how far each person has read, as a local order number. Whoever speaks has read what was there.
export function readsOf(room: Room): Map<string, number> {
  const old = readsCache.get(room);
  if (old && old.version === room.version) return old.reads;
  const reads = new Map<string, number>();
  for (const [user, r] of room.receipts) {
    const n = room.orderOf(r.event);
    if (n !== undefined) reads.set(user, n);
  }
  for (let i = Math.max(0, room.lines.length - 200); i < room.lines.length; i++) {
    const l = room.lines[i];
    if (l && l.ev.type === 'm.room.message' && (reads.get(l.ev.sender) ?? -Infinity) < l.n) reads.set(l.ev.sender, l.n);
  }
  readsCache.set(room, { version: room.version, reads });
  return reads;
}

export function seenBy(room: Room, event: string, me: string): string[] {
  const n = room.orderOf(event);
  if (n === undefined) return [];
  const service = room.service();
  return [...readsOf(room)].filter(([u, at]) => u !== me && u !== service && at >= n).map(([u]) => u);
}

function receiptWords(room: Room, seen: string[]): string {
  if (seen.length === 0) return '';
  const others = Math.max(room.people() - 1, seen.length);
  if (seen.length <= 2 && others > 2) return t('Seen by {list}', { list: both(seen.map((u) => room.nameOf(u))) });
  if (others <= 2) return others === 1 ? t('Seen by {name}', { name: room.nameOf(seen[0] ?? '') }) : t('Seen by {list}', { list: both(seen.map((u) => room.nameOf(u))) });
  return t('Seen by {n} of {others}', { n: seen.length, others });
}

// both names one or two people.
function both(names: string[]): string {
  const [one = '', two] = names;
  return two === undefined ? one : t('{one} and {two}', { one, two });
}

function bodyOf(ev: MatrixEvent, c: Json): string {
  if (ev.type === 'm.room.encrypted') return t('This message is encrypted and cannot be read here.');
  const type = text(c, 'msgtype');
  if (mediaOf(c)) return captionOf(c);
  const words = plainBody(c);
  return type === 'm.emote' ? `* ${words}` : words;
}

function kindWord(c: Json): SayRow['kind2'] {
  if (text(c, 'uk.wardline.kind') === 'fyi') return 'fyi';
  return part(c, 'uk.wardline.place') ? 'place' : '';
}

// captionOf are the words beside a file: its body, where the file has a name of its own.
function captionOf(c: Json): string {
  const [name, body] = [text(c, 'filename'), plainBody(c)];
  return name !== '' && name !== body ? body : '';
}
