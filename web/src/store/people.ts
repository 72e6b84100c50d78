// What people are: "Staff nurse, Ward 7". Asked for in small bundles when a name is drawn, kept for the session.

import type { Found } from '../api/types';

export class People {
  changed: () => void = () => {};
  private readonly known = new Map<string, Found>();
  private readonly asked = new Set<string>();
  private wanted: string[] = [];
  private timer: ReturnType<typeof setTimeout> | null = null;
  private readonly fetch: (users: string[]) => Promise<Found[]>;

  constructor(fetch: (users: string[]) => Promise<Found[]>) {
    this.fetch = fetch;
  }

  // get answers what is known now and asks for what is not.
  get(user: string): Found | undefined {
    const p = this.known.get(user);
    if (!p && user !== '' && !this.asked.has(user)) {
      this.asked.add(user);
      this.wanted.push(user);
      this.timer ??= setTimeout(() => void this.ask(), 40);
    }
    return p;
  }

  // role is the short form beside a name in a conversation.
  role(user: string): string {
    return this.get(user)?.detail.split(',')[0]?.trim() ?? '';
  }

  // photo is the picture that somebody shows of themselves, empty for none.
  photo(user: string): string {
    return this.get(user)?.photo ?? '';
  }

  // again asks anew for somebody who may say something else of themselves by now. What is known stays meanwhile.
  again(user: string): void {
    if (user === '' || this.wanted.includes(user)) return;
    this.asked.add(user);
    this.wanted.push(user);
    this.timer ??= setTimeout(() => void this.ask(), 40);
  }

  // noteFace takes a new picture from a conversation, and answers whether it is news.
  noteFace(user: string, photo: string): boolean {
    const p = this.known.get(user);
    if (!p || (p.photo ?? '') === photo) return false;
    this.known.set(user, { ...p, photo });
    return true;
  }

  learn(list: Found[]): void {
    for (const p of list) if (p.kind === 'person') this.known.set(p.id, p);
  }

  all(): Found[] {
    return [...this.known.values()].sort((a, b) => a.name.localeCompare(b.name));
  }

  clear(): void {
    this.known.clear();
    this.asked.clear();
    this.wanted = [];
  }

  private async ask(): Promise<void> {
    this.timer = null;
    const users = this.wanted.splice(0, 40);
    if (users.length === 0) return;
    try {
      this.learn(await this.fetch(users));
      this.changed();
    } catch {
      setTimeout(() => { for (const u of users) this.asked.delete(u); }, 60_000); // then the next drawing asks again
    }
    if (this.wanted.length > 0) this.timer ??= setTimeout(() => void this.ask(), 40);
  }
}
