// What later events say about earlier ones: reactions, edits, deletions, threads, votes, decisions and their filing. Kept
// by target event id, so that an event that arrives later by back-pagination finds everything already known about it.

import { number, part, text } from './types';
import type { Json, MatrixEvent } from './types';

export interface Reaction {
  key: string;
  by: Map<string, string>; // sender to the id of the reaction event
}

export interface Decision {
  id: string;
  by: string;
  name: string;
  at: number;
}

export interface Filing {
  decision: string;
  status: 'waiting' | 'filed' | 'refused';
  at: number;
  recordId: string;
  reason: string;
}

export interface Deletion {
  by: string; // empty when nobody told
  at: number;
  reason: string;
}

export interface Thread {
  count: number;
  last: { id: string; sender: string; ts: number; event: MatrixEvent | null } | null;
}

// A vote is what somebody chose last; what came after the end of the poll does not count.
export interface Vote {
  answers: string[];
  ts: number;
  id: string;
}

interface Replies {
  events: Map<string, MatrixEvent>;
  counted: number; // by the server, with those that this device has not got
  latest: MatrixEvent | null;
}

export class Relations {
  private readonly reactions = new Map<string, Map<string, Reaction>>();
  private readonly edits = new Map<string, MatrixEvent[]>();
  private readonly deleted = new Map<string, Deletion>();
  private readonly decisions = new Map<string, Decision>();
  private readonly filings = new Map<string, Filing>();
  private readonly asks = new Map<string, Json>();
  private readonly threads = new Map<string, Replies>();
  private readonly votes = new Map<string, Map<string, Vote>>();
  private readonly ended = new Map<string, MatrixEvent>();
  private readonly reactionTarget = new Map<string, { target: string; key: string; sender: string }>();

  // take reads one event and answers the ids of the events whose drawing it changes.
  take(ev: MatrixEvent): string[] {
    if (ev.unsigned?.redacted_because !== undefined && ev.type !== 'm.room.redaction') {
      this.noteDeletion(ev.event_id, ev.unsigned.redacted_because);
      return [ev.event_id];
    }
    if (ev.type === 'm.room.redaction') return this.takeDeletion(ev);
    this.takeBundled(ev);
    this.takeAsk(ev, ev.event_id);
    const relates = part(ev.content, 'm.relates_to');
    if (!relates) return [];
    const target = text(relates, 'event_id');
    if (target === '') return [];
    switch (text(relates, 'rel_type')) {
      case 'm.annotation':
        return this.takeReaction(ev, target, text(relates, 'key'));
      case 'm.replace':
        return this.takeEdit(ev, target);
      case 'm.thread':
        return this.takeReply(ev, target);
      case 'm.reference':
        return this.takeReference(ev, target);
      default:
        return [];
    }
  }

  reactionsOf(id: string): Reaction[] {
    const m = this.reactions.get(id);
    return m ? [...m.values()].filter((r) => r.by.size > 0) : [];
  }

  // editsOf answers the replacements by the author of the original, oldest first; nobody else's count.
  editsOf(ev: MatrixEvent): MatrixEvent[] {
    const all = (this.edits.get(ev.event_id) ?? []).filter((e) => e.sender === ev.sender && !this.deleted.has(e.event_id) && part(e.content, 'm.new_content'));
    return all.sort((a, b) => a.origin_server_ts - b.origin_server_ts || (a.event_id < b.event_id ? -1 : 1));
  }

  editOf(ev: MatrixEvent): Json | undefined {
    if (!this.edits.has(ev.event_id)) return undefined;
    return part(this.editsOf(ev).at(-1)?.content, 'm.new_content');
  }

  isDeleted(id: string): boolean {
    return this.deleted.has(id);
  }

  deletionOf(id: string): Deletion | undefined {
    return this.deleted.get(id);
  }

  decisionOf(id: string): Decision | undefined {
    return this.decisions.get(id);
  }

  filingOf(id: string): Filing | undefined {
    return this.filings.get(id);
  }

  // askOf answers the newest that is known of a question or request that began with this event.
  askOf(id: string): Json | undefined {
    return this.asks.get(id);
  }

  allAsks(): [string, Json][] {
    return [...this.asks];
  }

  allDecisions(): { target: string; decision: Decision; filing: Filing | undefined }[] {
    return [...this.decisions].map(([target, decision]) => ({ target, decision, filing: this.filings.get(target) }));
  }

  // threadOf answers what hangs below a message; undefined when nothing does.
  threadOf(root: string): Thread | undefined {
    const t = this.threads.get(root);
    if (!t) return undefined;
    let last = t.latest;
    let here = 0;
    for (const ev of t.events.values()) {
      if (this.deleted.has(ev.event_id)) continue;
      here++;
      if (!last || ev.origin_server_ts >= last.origin_server_ts) last = ev;
    }
    const count = Math.max(here, t.counted);
    if (count === 0) return undefined;
    return { count, last: last ? { id: last.event_id, sender: last.sender, ts: last.origin_server_ts, event: last } : null };
  }

  // repliesOf are the messages of a thread that this device has.
  repliesOf(root: string): MatrixEvent[] {
    return [...(this.threads.get(root)?.events.values() ?? [])];
  }

  threadRoots(): string[] {
    return [...this.threads.keys()];
  }

  // votesOf answers who chose what, and the event that ended the poll.
  votesOf(poll: MatrixEvent): { votes: Map<string, Vote>; end: MatrixEvent | undefined } {
    const end = this.ended.get(poll.event_id);
    const votes = new Map<string, Vote>();
    for (const [user, v] of this.votes.get(poll.event_id) ?? []) if (!this.deleted.has(v.id) && (!end || v.ts <= end.origin_server_ts)) votes.set(user, v);
    return { votes, end: end && !this.deleted.has(end.event_id) ? end : undefined };
  }

  // forget drops what events said that are no longer at hand about others that are not either. What was decided, filed and asked stays.
  forget(ids: Set<string>): void {
    for (const [target, all] of this.reactions) {
      if (!ids.has(target)) continue;
      for (const [key, r] of all) {
        for (const [sender, id] of r.by) if (ids.has(id)) r.by.delete(sender);
        if (r.by.size === 0) all.delete(key);
      }
      if (all.size === 0) this.reactions.delete(target);
    }
    for (const [target, list] of this.edits) {
      if (!ids.has(target)) continue;
      const left = list.filter((e) => !ids.has(e.event_id));
      if (left.length > 0) this.edits.set(target, left);
      else this.edits.delete(target);
    }
    for (const [root, t] of this.threads) {
      for (const id of t.events.keys()) if (ids.has(id)) t.events.delete(id);
      if (ids.has(root) && t.events.size === 0) this.threads.delete(root);
    }
    for (const [poll, votes] of this.votes) {
      if (!ids.has(poll)) continue;
      for (const [user, v] of votes) if (ids.has(v.id)) votes.delete(user);
      if (votes.size === 0) this.votes.delete(poll);
    }
    for (const [poll, end] of this.ended) if (ids.has(poll) && ids.has(end.event_id)) this.ended.delete(poll);
    for (const id of ids) {
      this.deleted.delete(id);
      this.reactionTarget.delete(id);
    }
  }

  private noteDeletion(id: string, because: unknown): void {
    const ev = typeof because === 'object' && because !== null ? (because as Partial<MatrixEvent>) : {};
    const old = this.deleted.get(id);
    if (old && old.by !== '') return;
    this.deleted.set(id, { by: ev.sender ?? '', at: ev.origin_server_ts ?? 0, reason: text(ev.content, 'reason') });
  }

  private takeDeletion(ev: MatrixEvent): string[] {
    const id = text(ev.content, 'redacts') || ev.redacts || '';
    if (id === '') return [];
    this.noteDeletion(id, ev);
    const r = this.reactionTarget.get(id);
    if (!r) return [id];
    const reaction = this.reactions.get(r.target)?.get(r.key);
    if (reaction?.by.get(r.sender) === id) reaction.by.delete(r.sender);
    return [r.target];
  }

  private takeReaction(ev: MatrixEvent, target: string, key: string): string[] {
    if (key === '' || this.deleted.has(ev.event_id)) return [];
    let m = this.reactions.get(target);
    if (!m) this.reactions.set(target, (m = new Map()));
    let r = m.get(key);
    if (!r) m.set(key, (r = { key, by: new Map() }));
    r.by.set(ev.sender, ev.event_id);
    this.reactionTarget.set(ev.event_id, { target, key, sender: ev.sender });
    return [target];
  }

  private takeEdit(ev: MatrixEvent, target: string): string[] {
    const list = this.edits.get(target) ?? [];
    if (!list.some((e) => e.event_id === ev.event_id)) this.edits.set(target, [...list, ev]);
    return [target];
  }

  private replies(root: string): Replies {
    let t = this.threads.get(root);
    if (!t) this.threads.set(root, (t = { events: new Map(), counted: 0, latest: null }));
    return t;
  }

  private takeReply(ev: MatrixEvent, root: string): string[] {
    this.replies(root).events.set(ev.event_id, ev);
    return [root];
  }

  // takeBundled reads what the server says of events that this device may not have: the last edit, and the thread below.
  private takeBundled(ev: MatrixEvent): void {
    const bundle = part(ev.unsigned as Json | undefined, 'm.relations');
    if (!bundle) return;
    const edit = part(bundle, 'm.replace');
    if (edit && part(edit, 'content')) this.takeEdit(edit as unknown as MatrixEvent, ev.event_id);
    const thread = part(bundle, 'm.thread');
    if (!thread) return;
    const t = this.replies(ev.event_id);
    t.counted = Math.max(t.counted, number(thread, 'count'));
    const latest = part(thread, 'latest_event') as unknown as MatrixEvent | undefined;
    if (latest && (!t.latest || latest.origin_server_ts > t.latest.origin_server_ts)) t.latest = latest;
  }

  private takeReference(ev: MatrixEvent, target: string): string[] {
    if (ev.type === 'm.poll.response' || ev.type === 'org.matrix.msc3381.poll.response') return this.takeVote(ev, target);
    if (ev.type === 'm.poll.end' || ev.type === 'org.matrix.msc3381.poll.end') {
      const old = this.ended.get(target);
      if (!old || old.origin_server_ts > ev.origin_server_ts) this.ended.set(target, ev);
      return [target];
    }
    const d = part(ev.content, 'uk.wardline.decision');
    const f = part(ev.content, 'uk.wardline.filing');
    if (d) this.decisions.set(target, { id: text(d, 'id'), by: text(d, 'by'), name: text(d, 'name'), at: number(d, 'at') });
    if (f) this.takeFiling(target, f);
    const asked = this.takeAsk(ev, target);
    return d || f || asked ? [target] : [];
  }

  private takeAsk(ev: MatrixEvent, target: string): boolean {
    const ask = part(ev.content, 'uk.wardline.ask');
    if (!ask) return false;
    const about = text(ask, 'event_id') || target;
    const old = this.asks.get(about);
    if (!old || number(old, 'seq') < number(ask, 'seq')) this.asks.set(about, ask);
    return true;
  }

  private takeVote(ev: MatrixEvent, poll: string): string[] {
    const stable = ev.content['m.selections'];
    const older = part(ev.content, 'org.matrix.msc3381.poll.response')?.['answers'];
    const list = Array.isArray(stable) ? stable : Array.isArray(older) ? older : [];
    const answers = list.filter((a): a is string => typeof a === 'string');
    let m = this.votes.get(poll);
    if (!m) this.votes.set(poll, (m = new Map()));
    const old = m.get(ev.sender);
    if (!old || old.ts <= ev.origin_server_ts) m.set(ev.sender, { answers, ts: ev.origin_server_ts, id: ev.event_id });
    return [poll];
  }

  private takeFiling(target: string, f: Json): void {
    const status = text(f, 'status');
    if (status !== 'waiting' && status !== 'filed' && status !== 'refused') return;
    const at = number(f, 'at');
    const old = this.filings.get(target);
    if (old && (old.at > at || (old.status === 'filed' && status !== 'filed'))) return;
    const recordId = text(f, 'record_id');
    this.filings.set(target, { decision: text(f, 'decision'), status, at, recordId, reason: text(f, 'reason') });
  }
}
