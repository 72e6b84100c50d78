// What later events say about earlier ones: reactions, edits, deletions, decisions and their filing. Kept by target
// event id, so that an event that arrives later by back-pagination finds everything already known about it.

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

export class Relations {
  private readonly reactions = new Map<string, Map<string, Reaction>>();
  private readonly edits = new Map<string, MatrixEvent>();
  private readonly deleted = new Set<string>();
  private readonly decisions = new Map<string, Decision>();
  private readonly filings = new Map<string, Filing>();
  private readonly reactionTarget = new Map<string, { target: string; key: string; sender: string }>();

  // take reads one event and answers the ids of the events whose drawing it changes.
  take(ev: MatrixEvent): string[] {
    if (ev.unsigned?.redacted_because !== undefined && ev.type !== 'm.room.redaction') {
      this.deleted.add(ev.event_id);
      return [ev.event_id];
    }
    if (ev.type === 'm.room.redaction') return this.takeDeletion(ev);
    const relates = part(ev.content, 'm.relates_to');
    if (!relates) return [];
    const target = text(relates, 'event_id');
    if (target === '') return [];
    switch (text(relates, 'rel_type')) {
      case 'm.annotation':
        return this.takeReaction(ev, target, text(relates, 'key'));
      case 'm.replace':
        return this.takeEdit(ev, target);
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

  // editOf answers the newest replacement content by the author of the original; nobody else's counts.
  editOf(ev: MatrixEvent): Json | undefined {
    const e = this.edits.get(ev.event_id);
    return e && e.sender === ev.sender && !this.deleted.has(e.event_id) ? part(e.content, 'm.new_content') : undefined;
  }

  isDeleted(id: string): boolean {
    return this.deleted.has(id);
  }

  decisionOf(id: string): Decision | undefined {
    return this.decisions.get(id);
  }

  filingOf(id: string): Filing | undefined {
    return this.filings.get(id);
  }

  allDecisions(): { target: string; decision: Decision; filing: Filing | undefined }[] {
    return [...this.decisions].map(([target, decision]) => ({ target, decision, filing: this.filings.get(target) }));
  }

  private takeDeletion(ev: MatrixEvent): string[] {
    const id = text(ev.content, 'redacts') || ev.redacts || '';
    if (id === '') return [];
    this.deleted.add(id);
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
    const old = this.edits.get(target);
    if (old && old.sender === ev.sender && old.origin_server_ts > ev.origin_server_ts) return [];
    this.edits.set(target, ev);
    return [target];
  }

  private takeReference(ev: MatrixEvent, target: string): string[] {
    const d = part(ev.content, 'uk.wardline.decision');
    const f = part(ev.content, 'uk.wardline.filing');
    if (d) this.decisions.set(target, { id: text(d, 'id'), by: text(d, 'by'), name: text(d, 'name'), at: number(d, 'at') });
    if (f) this.takeFiling(target, f);
    return d || f ? [target] : [];
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
