// Who holds what, who is planned for it, and who works here: docs/protocol.md. Loaded with the screens that need it.

import { wire } from '../app';
import { WireError, type Method } from '../mx/http';
import type { Found } from './types';
import { t } from '../words/words';

export interface Held {
  user: string;
  name: string;
  since: number;
  until: number;
  how: 'duty' | 'take' | 'give' | 'takeover';
}

export interface Place {
  id: string;
  name: string;
  service: string;
  place?: string;
  critical: boolean;
  confirm: boolean;
  must: number;
  holder: Held | null;
  holders: Held[];
  expected: { user: string; name: string; from: number }[];
  next: { user: string; name: string; from: number } | null;
  alarm: { kind: 'empty' | 'short' | 'late'; since: number; by: string; by_name: string } | null;
  offers: { from: string; from_name: string; to: string; to_name: string; at: number }[];
  pageable: boolean;
  keeps?: boolean; // the reader keeps its rota, and its numbers
}

export interface Duty {
  id: string;
  post: string;
  post_name: string;
  user: string;
  name: string;
  from: number;
  until: number;
  draft: boolean;
  source?: string;
}

export interface Gap {
  from: number;
  until: number;
  planned: number;
  must: number;
}

export interface Away {
  id: string;
  user: string;
  from: number;
  until: number;
  kind?: string;
}

export interface Rest {
  user: string;
  name: string;
  first: Duty;
  then: Duty;
  minutes: number;
}

export interface Line {
  day: number;
  start: number;
  end: number;
  user: string;
}

export interface Pattern {
  id: string;
  post: string;
  name: string;
  starts: string;
  ends: string;
  cycle: number;
  holidays: 'as-usual' | 'none' | 'as-sunday';
  division: string;
  lines: Line[];
  exceptions: { date: string; lines: Line[] }[];
}

export interface Rota {
  post: { id: string; name: string; service: string };
  from: string;
  until: string;
  duties: Duty[];
  gaps: Gap[];
  away: Away[];
  holidays: Record<string, string>;
  keeps: boolean;
  patterns?: Pattern[];
  rule?: { holders: number; confirm: boolean };
}

export interface Mine {
  duties: Duty[];
  rests: Rest[];
  away: Away[];
  link_made: number;
  keeps: string[];
}

export interface Request {
  id: string;
  kind: 'cover' | 'swap';
  state: 'asked' | 'agreed' | 'done' | 'refused' | 'declined' | 'withdrawn' | 'lapsed';
  by: string;
  by_name: string;
  to: string;
  to_name: string;
  duty: Duty | null;
  want: Duty | null;
  post_name: string;
  note: string;
  made_at: number;
  starts_at: number;
  keeps: boolean;
}

export interface Person {
  user: string;
  name: string;
  role: string;
  grade: string;
  profession: string;
  ward: string;
  registration: string;
  languages: string[];
  photo: string;
  email: string;
  left_at: number;
  posts: { id: string; name: string; until: number; how: Held['how'] }[];
  teams: { id: string; name: string }[];
  next: Duty | null;
  number?: string;
  source?: string;
  devices?: { id: string; name: string; seen_at: number }[];
}

export interface Past {
  user: string;
  name: string;
  from: number;
  until: number;
  how: Held['how'];
  reason?: string;
  ended?: string;
}

export interface Report {
  columns: Record<string, string>;
  ignored: string[];
  rows: number;
  new: { name: string; number: string }[];
  changed: { user: string; name: string; number: string; what?: string[] }[];
  unchanged: number;
  leaving: { user: string; name: string; number: string }[];
  missing: { user: string; name: string; number: string }[];
  problems: { line: number; who?: string; why: string }[];
  dry: boolean;
}

export type Verb = 'take' | 'give' | 'accept' | 'refuse' | 'withdraw' | 'takeover' | 'see';

const base = '/_wardline/v1';
const enc = encodeURIComponent;

function go<T>(method: Method, path: string, body?: unknown): Promise<T> {
  return wire.call<T>(method, base + path, body);
}

// restless says whether an act was refused because it leaves too little rest; doing it again with rested does it all the same.
export function restless(e: unknown): boolean {
  return e instanceof WireError && e.errcode === 'UK_WARDLINE_REST';
}

export const posts = async (): Promise<Place[]> => (await go<{ posts: Place[] }>('GET', '/posts')).posts;
export const post = (id: string): Promise<Place> => go('GET', `/posts/${enc(id)}`);
export const history = async (id: string): Promise<Past[]> => (await go<{ history: Past[] }>('GET', `/posts/${enc(id)}/history`)).history;
export const act = (id: string, verb: Verb, body: { to?: string; from?: string; reason?: string; rested?: boolean } = {}): Promise<Place> => go('POST', `/posts/${enc(id)}/${verb}`, body);
export const chat = (id: string): Promise<{ room_id: string }> => go('POST', `/posts/${enc(id)}/chat`, {});
export const postsAt = async (at: number): Promise<Record<string, Duty[]>> => (await go<{ planned: Record<string, Duty[]> }>('GET', `/posts/at?at=${at}`)).planned;
export const rule = (id: string, holders: number, confirm: boolean): Promise<unknown> => go('PUT', `/posts/${enc(id)}/rule`, { holders, confirm });

export const rota = (id: string, from: string, until: string): Promise<Rota> => go('GET', `/rota?post=${enc(id)}&from=${from}&until=${until}`);
export const mine = (): Promise<Mine> => go('GET', '/rota/mine');
export const putDuty = (d: { id?: string; post: string; user: string; from: number; until: number; draft: boolean; rested: boolean }): Promise<Duty> =>
  d.id ? go('PUT', `/rota/duties/${enc(d.id)}`, d) : go('POST', '/rota/duties', d);
export const dropDuty = (id: string): Promise<unknown> => go('DELETE', `/rota/duties/${enc(id)}`);
export const putPattern = (p: Pattern): Promise<Pattern> => (p.id ? go('PUT', `/rota/patterns/${enc(p.id)}`, p) : go('POST', '/rota/patterns', p));
export const dropPattern = (id: string): Promise<unknown> => go('DELETE', `/rota/patterns/${enc(id)}`);
export const fill = (id: string, from: string, until: string): Promise<{ filled: number }> => go('POST', `/rota/patterns/${enc(id)}/fill`, { from, until });
export const publish = (id: string, from: string, until: string, dry: boolean, rested: boolean): Promise<{ duties: Duty[]; gaps: Gap[]; rests: Rest[] }> =>
  go('POST', '/rota/publish', { post: id, from, until, dry, rested });
export const requests = async (): Promise<Request[]> => (await go<{ requests: Request[] }>('GET', '/rota/requests')).requests;
export const ask = (r: { kind: Request['kind']; duty: string; want: string; to: string; note: string }): Promise<Request> => go('POST', '/rota/requests', r);
export const reply = (id: string, answer: 'agree' | 'refuse' | 'withdraw' | 'approve' | 'decline', rested: boolean): Promise<Request> => go('POST', `/rota/requests/${enc(id)}/answer`, { answer, rested });
export const newLink = (): Promise<{ path: string }> => go('POST', '/rota/link', {});
export const dropLink = (): Promise<unknown> => go('DELETE', '/rota/link');
export const away = (a: { user: string; from: number; until: number; kind: string }): Promise<Away> => go('POST', '/rota/away', a);
export const back = (id: string): Promise<unknown> => go('DELETE', `/rota/away/${enc(id)}`);

export const directory = async (q: string, kinds: string, limit = 40): Promise<Found[]> => (await go<{ results: Found[] }>('GET', `/directory?q=${enc(q)}&kind=${kinds}&limit=${limit}`)).results;
export const person = (user: string): Promise<Person> => go('GET', `/people/${enc(user)}`);
export const team = (id: string): Promise<{ id: string; name: string; detail: string; members: Found[] }> => go('GET', `/teams/${enc(id)}`);
export const places = (): Promise<{ places: { id: string; name: string; kind?: string }[] }> => go('GET', '/places');
export const staff = async (q: string, left: boolean): Promise<Person[]> => (await go<{ people: Person[] }>('GET', `/staff?q=${enc(q)}&left=${left}`)).people;
export const saveStaff = (user: string, entry: Record<string, unknown>): Promise<Person> => (user === '' ? go('POST', '/staff', entry) : go('PUT', `/staff/${enc(user)}`, entry));
export const standing = (user: string, what: 'leave' | 'return'): Promise<unknown> => go('POST', `/staff/${enc(user)}/${what}`, {});
export const signInLink = (user: string): Promise<{ path: string }> => go('POST', `/staff/${enc(user)}/link`, {});
export const resetProofs = (user: string): Promise<unknown> => go('POST', `/staff/${enc(user)}/reset`, {});
export const signOutOf = (user: string, device: string): Promise<unknown> => go('POST', `/staff/${enc(user)}/sign-out`, { device });

// sources says from where people can be imported besides a file.
export const sources = (): Promise<{ ldap: boolean }> => go('GET', '/staff/sources');

// importStaff sends a file of the staff record, or has the server ask its directory server, and reads the answer line by line.
export async function importStaff(file: Blob | null, dry: boolean, missing: boolean, mapping: Record<string, string>, progress: (done: number, of: number) => void): Promise<Report> {
  const map = Object.entries(mapping).map(([k, v]) => `&map.${k}=${enc(v)}`).join('');
  let answer: Response;
  try {
    answer = await fetch(`${base}/staff/import?dry=${dry}&missing=${missing}${file ? '' : '&from=ldap'}${map}`, { method: 'POST', credentials: 'same-origin', body: file, headers: { 'Content-Type': 'text/csv' } });
  } catch {
    throw new WireError(0, 'OFFLINE', t('No connection'));
  }
  const text = answer.body?.pipeThrough(new TextDecoderStream()).getReader();
  let waiting = '';
  let report: Report | null = null;
  const read = (line: string): void => {
    if (line.trim() === '') return;
    const v = JSON.parse(line) as { done?: number; of?: number; report?: Report; error?: string; errcode?: string };
    if (v.error !== undefined) throw new WireError(answer.ok ? 409 : answer.status, v.errcode ?? '', v.error);
    if (v.done !== undefined && v.of !== undefined) progress(v.done, v.of);
    if (v.report) report = v.report;
  };
  for (;;) {
    const part = await text?.read();
    if (!part || part.done) break;
    const lines = (waiting + part.value).split('\n');
    waiting = lines.pop() ?? '';
    lines.forEach(read);
  }
  read(waiting);
  if (!report) throw new WireError(0, 'BAD_ANSWER', t('The connection broke. What was imported stays; run it again for the rest.'));
  return report;
}
