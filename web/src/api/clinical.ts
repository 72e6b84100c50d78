// The clinical API, one method each. Ids go into paths; what a person typed goes into bodies only, except for the
// directory, whose names are not patients'.

import type { Method, Wire } from '../mx/http';
import type { Ask, Found, GroupLink, Invitation, Me, MessageInfo, NewAsk, NewGroup, NewPage, Page, Patient, Policy, Post, Preview, SignInWays, Target, Urgency } from './types';
import type { Call } from './emergency';

const base = '/_wardline/v1';
const enc = encodeURIComponent;

export class Clinical {
  private readonly wire: Wire;

  constructor(wire: Wire) {
    this.wire = wire;
  }

  // ways says how people may sign in here.
  ways(): Promise<SignInWays> {
    return this.go('GET', '/sign-in');
  }

  signIn(user: string, password: string, shared: boolean, code = ''): Promise<Me> {
    return this.go('POST', '/session', { user, password, shared, ...(code === '' ? {} : { code }) });
  }

  signInWithPasskey(passkey: { session: string; credential: unknown }, shared: boolean): Promise<Me> {
    return this.go('POST', '/session', { passkey, shared });
  }

  signInWithToken(token: string): Promise<Me> {
    return this.go('POST', '/session', { token });
  }

  session(): Promise<Me> {
    return this.go('GET', '/session');
  }

  // signOut ends the session and has the browser clear what it keeps for this site.
  signOut(signal?: AbortSignal): Promise<unknown> {
    return this.wire.call('DELETE', `${base}/session`, undefined, signal);
  }

  // endSession ends the session and clears nothing.
  endSession(): Promise<unknown> {
    return this.wire.call('POST', '/_matrix/client/v3/logout', {});
  }

  async directory(q: string, kinds: string, limit = 30): Promise<Found[]> {
    return (await this.go<{ results: Found[] | null }>('GET', `/directory?q=${enc(q)}&kind=${kinds}&limit=${limit}`)).results ?? [];
  }

  // people answers those of the given users that this person may see.
  async people(users: string[]): Promise<Found[]> {
    const list = users.map((u) => `&user=${enc(u)}`).join('');
    return (await this.go<{ results: Found[] | null }>('GET', `/directory?kind=person${list}`)).results ?? [];
  }

  async posts(): Promise<Post[]> {
    return (await this.go<{ posts: Post[] | null }>('GET', '/posts')).posts ?? [];
  }

  async patients(q: string, limit = 20): Promise<Patient[]> {
    return (await this.go<{ patients: Patient[] | null }>('POST', '/patients/search', { q, limit })).patients ?? [];
  }

  // wardPatients are those of this person's own ward.
  async wardPatients(limit = 50): Promise<Patient[]> {
    return (await this.go<{ patients: Patient[] | null }>('GET', `/patients?limit=${limit}`)).patients ?? [];
  }

  patient(id: string): Promise<Patient> {
    return this.go('GET', `/patients/${enc(id)}`);
  }

  newGroup(g: NewGroup): Promise<{ room_id: string }> {
    return this.go('POST', '/groups', g);
  }

  // setLevel says how one is told of a conversation; until is 0 for no end.
  setLevel(room: string, level: string, until: number): Promise<unknown> {
    return this.go('PUT', `/rooms/${enc(room)}/level`, { level, until });
  }

  // setReminder brings a message back at an instant; 0 puts the reminder away.
  setReminder(room: string, event: string, at: number): Promise<unknown> {
    const path = `/rooms/${enc(room)}/events/${enc(event)}/reminder`;
    return at === 0 ? this.go('DELETE', path) : this.go('PUT', path, { at });
  }

  addMembers(room: string, people: string[], posts: string[]): Promise<{ added: string[] | null }> {
    return this.go('POST', `/groups/${enc(room)}/members`, { people, posts });
  }

  setRole(room: string, user: string, role: 'owner' | 'admin' | 'member'): Promise<unknown> {
    return this.go('POST', `/groups/${enc(room)}/roles`, { user, role });
  }

  leave(room: string): Promise<unknown> {
    return this.go('POST', `/groups/${enc(room)}/leave`, {});
  }

  follows(room: string): Promise<{ posts: { id: string; name: string }[]; teams: { id: string; name: string }[] }> {
    return this.go('GET', `/groups/${enc(room)}/follows`);
  }

  setFollows(room: string, posts: string[], teams: string[]): Promise<unknown> {
    return this.go('PUT', `/groups/${enc(room)}/follows`, { posts, teams });
  }

  makeLink(room: string, lifeMs: number): Promise<GroupLink> {
    return this.go('POST', `/groups/${enc(room)}/links`, { life_ms: lifeMs });
  }

  async links(room: string): Promise<GroupLink[]> {
    return (await this.go<{ links: GroupLink[] | null }>('GET', `/groups/${enc(room)}/links`)).links ?? [];
  }

  revokeLink(room: string, link: string): Promise<unknown> {
    return this.go('DELETE', `/groups/${enc(room)}/links/${enc(link)}`);
  }

  lookLink(token: string): Promise<Invitation> {
    return this.go('POST', '/links/look', { token });
  }

  followLink(token: string): Promise<{ room_id: string }> {
    return this.go('POST', '/links/join', { token });
  }

  ask(a: NewAsk): Promise<Ask> {
    return this.go('POST', '/asks', a);
  }

  async asks(box: 'owed' | 'asked'): Promise<Ask[]> {
    return (await this.go<{ asks: Ask[] | null }>('GET', `/asks?box=${box}`)).asks ?? [];
  }

  passAsk(id: string, user: string, post: string): Promise<Ask> {
    return this.go('POST', `/asks/${enc(id)}/pass`, { user, post });
  }

  closeAsk(id: string): Promise<Ask> {
    return this.go('POST', `/asks/${enc(id)}/close`, {});
  }

  forward(from: string, event: string, to: string, txn: string): Promise<{ event_id: string }> {
    return this.go('POST', '/forwards', { from, event_id: event, to, txn });
  }

  messageInfo(room: string, event: string): Promise<MessageInfo> {
    return this.go('GET', `/rooms/${enc(room)}/events/${enc(event)}/info`);
  }

  async places(): Promise<{ id: string; name: string }[]> {
    return (await this.go<{ places: { id: string; name: string }[] | null }>('GET', '/places')).places ?? [];
  }

  direct(user: string): Promise<{ room_id: string }> {
    return this.go('POST', '/directs', { user });
  }

  preview(target: Target, urgency: Urgency): Promise<Preview> {
    return this.go('POST', '/pages/preview', { ...target, urgency });
  }

  raise(page: NewPage): Promise<Page> {
    return this.go('POST', '/pages', page);
  }

  async pages(box: 'mine' | 'sent' | 'open'): Promise<{ pages: Page[]; now: number }> {
    const r = await this.go<{ pages: Page[] | null; now?: number }>('GET', `/pages?box=${box}`);
    return { pages: r.pages ?? [], now: r.now ?? 0 };
  }

  // openCalls are the emergency calls that go on and that this person may see.
  async openCalls(): Promise<Call[]> {
    return (await this.go<{ calls: Call[] | null }>('GET', '/emergencies?box=open')).calls ?? [];
  }

  page(id: string): Promise<Page> {
    return this.go('GET', `/pages/${enc(id)}`);
  }

  reached(id: string): Promise<Page> {
    return this.go('POST', `/pages/${enc(id)}/reached`, {});
  }

  seen(id: string): Promise<Page> {
    return this.go('POST', `/pages/${enc(id)}/seen`, {});
  }

  answer(id: string, answer: 'accept' | 'decline' | 'redirect' | 'ask', eta: number, reason: string, target: Target = {}): Promise<Page> {
    return this.go('POST', `/pages/${enc(id)}/answer`, { answer, eta_minutes: eta, reason, to: target });
  }

  // reply answers the question of whoever has a page of mine.
  reply(id: string, words: string): Promise<Page> {
    return this.go('POST', `/pages/${enc(id)}/reply`, { words });
  }

  withdraw(id: string, reason: string): Promise<Page> {
    return this.go('POST', `/pages/${enc(id)}/withdraw`, { reason });
  }

  decide(room: string, event: string): Promise<unknown> {
    return this.go('POST', '/decisions', { room, event_id: event, patient: null });
  }

  policy(): Promise<Policy> {
    return this.go('GET', '/policy');
  }

  private go<T>(method: Method, path: string, body?: unknown): Promise<T> {
    return this.wire.call<T>(method, base + path, body);
  }
}
