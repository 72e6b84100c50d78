// All pages this device knows, whichever way it heard of them: the conversation, an API answer, the list of boxes.
// Each snapshot is whole, so the one with the highest seq is the truth and the order of arrival does not matter.

import type { Clinical } from '../api/clinical';
import type { Call } from '../api/emergency';
import type { Page, PageStep, StepKind } from '../api/types';
import { WireError } from '../mx/http';
import { number, part, text } from '../mx/types';
import type { Json } from '../mx/types';

const kinds: readonly string[] = ['sent', 'reached', 'seen', 'declined', 'passed', 'accepted', 'withdrawn', 'exhausted', 'tried', 'taken', 'arrived', 'failed', 'redirected', 'coming', 'asked', 'replied', 'second'];

export class PageBook {
  private readonly pages = new Map<string, Page>();

  // take answers true when the snapshot is news.
  take(p: Page): boolean {
    const old = this.pages.get(p.id);
    if (old && old.seq >= p.seq) return false;
    this.pages.set(p.id, p);
    return true;
  }

  get(id: string): Page | undefined {
    return this.pages.get(id);
  }

  all(): Page[] {
    return [...this.pages.values()].sort((a, b) => b.raised_at - a.raised_at);
  }

  // mine are the open pages that this person must answer now, the most urgent first.
  mine(user: string): Page[] {
    return this.all()
      .filter((p) => p.status === 'open' && calls(p, user))
      .sort((a, b) => rank(a) - rank(b) || a.current.due_at - b.current.due_at);
  }

  sent(user: string): Page[] {
    return this.all().filter((p) => p.from.user === user);
  }

  // listed answers the open pages of mine that the server no longer lists, so that a page answered elsewhere cannot ring on for ever.
  listed(user: string, ids: Set<string>): Page[] {
    return this.mine(user).filter((p) => !ids.has(p.id));
  }

  clear(): void {
    this.pages.clear();
  }
}

// calls says whether somebody is asked to answer a page.
export function calls(p: Page, user: string): boolean {
  return p.current.user === user || (p.current.with ?? []).some((c) => c.user === user);
}

function rank(p: Page): number {
  return p.urgency === 'emergency' ? 0 : 1;
}

// readPage checks a snapshot from an event; undefined when it is not one.
export function readPage(j: Json | undefined): Page | undefined {
  const id = text(j, 'id');
  const post = part(j, 'post');
  const current = part(j, 'current');
  if (!j || id === '' || !post || typeof j['seq'] !== 'number') return undefined;
  const status = text(j, 'status', 'open');
  const need = text(j, 'need', 'attend');
  const patient = part(j, 'patient');
  const next = part(j, 'next');
  const accepted = part(j, 'accepted');
  const from = part(j, 'from');
  return {
    id, event_id: text(j, 'event_id'), room_id: text(j, 'room_id'), seq: number(j, 'seq'),
    urgency: text(j, 'urgency') === 'emergency' ? 'emergency' : 'urgent',
    post: ref(post),
    patient: patient ? { id: text(patient, 'id'), plate: text(patient, 'plate'), name: text(patient, 'name') } : null,
    where: text(j, 'where'), what: text(j, 'what'), callback: text(j, 'callback'),
    need: need === 'ring' || need === 'advise' || need === 'cover' ? need : 'attend',
    from: { user: text(from, 'user'), name: text(from, 'name'), role: text(from, 'role') },
    raised_at: number(j, 'raised_at'),
    status: status === 'accepted' || status === 'withdrawn' ? status : 'open',
    current: {
      rung: number(current, 'rung'), post: ref(part(current, 'post')), user: text(current, 'user'),
      name: text(current, 'name'), since: number(current, 'since'), due_at: number(current, 'due_at'),
      with: each(current?.['with'], (c) => ({ post: ref(part(c, 'post')), user: text(c, 'user'), name: text(c, 'name') })),
    },
    quorum: number(j, 'quorum'),
    coming: each(j['coming'], (a) => ({ user: text(a, 'user'), name: text(a, 'name'), at: number(a, 'at'), eta_minutes: number(a, 'eta_minutes') })),
    next: next ? { post: ref(part(next, 'post')), name: text(next, 'name') } : null,
    accepted: accepted
      ? { user: text(accepted, 'user'), name: text(accepted, 'name'), at: number(accepted, 'at'), eta_minutes: number(accepted, 'eta_minutes') }
      : null,
    exhausted: j['exhausted'] === true,
    steps: Array.isArray(j['steps']) ? j['steps'].map(readStep).filter((s) => s !== undefined) : [],
  };
}

function each<T>(v: unknown, read: (j: Json) => T): T[] {
  return Array.isArray(v) ? v.filter((x): x is Json => typeof x === 'object' && x !== null).map(read) : [];
}

function ref(j: Json | undefined): { id: string; name: string } {
  return { id: text(j, 'id'), name: text(j, 'name') };
}

function readStep(v: unknown): PageStep | undefined {
  if (typeof v !== 'object' || v === null) return undefined;
  const j = v as Json;
  const kind = text(j, 'kind');
  if (!kinds.includes(kind)) return undefined;
  const why = part(j, 'why');
  return {
    kind: kind as StepKind, at: number(j, 'at'), user: text(j, 'user'), name: text(j, 'name'),
    post_name: text(j, 'post_name'), note: text(j, 'note'),
    ...(why ? { why: { code: text(why, 'code'), name: text(why, 'name'), minutes: number(why, 'minutes') } } : {}),
  };
}

// askPages fetches the boxes and, one by one, what this device believes open and the server does not list.
export async function askPages(clinic: Clinical, book: PageBook, me: string): Promise<{ pages: Page[]; calls: Call[]; now: number }> {
  try {
    const [mine, sent, calls] = await Promise.all([clinic.pages('mine'), clinic.pages('sent'), clinic.openCalls()]);
    const ids = new Set(mine.pages.map((p) => p.id));
    const stale = await Promise.all(book.listed(me, ids).map((p) => clinic.page(p.id)));
    return { pages: [...mine.pages, ...sent.pages, ...stale], calls, now: mine.now };
  } catch (e) {
    if (!(e instanceof WireError)) throw e;
    return { pages: [], calls: [], now: 0 };
  }
}
