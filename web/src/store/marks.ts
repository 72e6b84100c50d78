// This person's own marks, the same on all of their devices: how far they have read, stars, what is kept on top, put away or silent.
// Each shows at once and is taken back when the server does not take it.

import type { Clinical } from '../api/clinical';
import type { Me } from '../api/types';
import type { MatrixClient } from '../mx/client';
import type { Room } from '../mx/room';
import type { Json } from '../mx/types';
import { remindersIn, remindersType, starredType, testsIn, testsType } from './extensions';
import type { Level, Levels, Reminder, Test } from './extensions';
import type { Topics } from './topics';

// Host is what parts of the engine need of the whole.
export interface Host {
  readonly mx: MatrixClient;
  readonly clinic: Clinical;
  readonly topics: Topics;
  readonly rooms: Map<string, Room>;
  readonly me: Me;
  now(): number;
  touch(room: string): void;
}

export class Marks {
  muted = new Set<string>(); // rooms that this person's push rules silence
  mentions = new Set<string>(); // rooms that tell only of what names them
  reminders: Reminder[] = []; // messages that come back
  tests: Test[] = []; // test pages that wait for "Received"
  private readonly host: Host;

  constructor(host: Host) {
    this.host = host;
  }

  // takeData takes what the server keeps for this person alone, notes it for the disk, and answers what has changed.
  takeData(global: { type: string; content: Json }[], meta: Record<string, unknown>): string[] {
    const later = global.find((e) => e.type === remindersType);
    const tests = global.find((e) => e.type === testsType);
    if (later) meta['reminders'] = this.reminders = remindersIn(later.content);
    if (tests) meta['tests'] = this.tests = testsIn(tests.content);
    return [...(later ? ['reminders'] : []), ...(tests ? ['tests'] : [])];
  }

  // recall takes what the device kept of it, nothing for nobody.
  recall(meta?: Map<string, unknown>): void {
    this.reminders = (meta?.get('reminders') as Reminder[] | undefined) ?? [];
    this.tests = (meta?.get('tests') as Test[] | undefined) ?? [];
  }

  // answered puts a test away that the server says is answered, ahead of the next sync.
  answered(run: string): void {
    this.tests = this.tests.filter((x) => x.run !== run);
    this.host.topics.emit('tests');
  }

  // unreadTotal counts conversations that want to be read: not those that are muted or put away.
  unreadTotal(): number {
    return [...this.host.rooms.values()].filter((r) => r.membership === 'join' && r.unread > 0 && !this.muted.has(r.id) && !r.tags.includes('m.lowpriority')).length;
  }

  // read tells everyone that this person has seen the room up to its newest event. While a thread holds something that they have not
  // looked at, only the conversation outside of threads is marked.
  async read(room: Room): Promise<void> {
    const { mx, me, topics } = this.host;
    const main = room.lines.findLast((l) => room.rootOf(l.ev) === '')?.ev.event_id;
    const apart = room.relations.threadRoots().some((root) => room.unreadIn(root, me.user_id) > 0);
    const newest = apart ? main : room.lines[room.lines.length - 1]?.ev.event_id;
    const mine = room.receipts.get(me.user_id)?.event;
    if (newest === undefined || (newest === mine && (room.unread === 0 || apart))) return;
    room.takeThreadReceipt(newest, apart ? 'main' : '');
    room.takeReceipt(newest, me.user_id, this.host.now());
    room.fullyRead = newest;
    if (room.unread > 0) {
      room.unread = 0;
      room.highlight = 0;
      topics.emit('rooms');
    }
    try {
      if (apart) await Promise.all([mx.readThread(room.id, newest, 'main'), mx.fullyRead(room.id, newest)]);
      else await mx.readUpTo(room.id, newest);
    } catch {
      room.receipts.delete(me.user_id); // tried again with the next look at the room
    }
  }

  // readThread marks a thread as read up to its newest message.
  async readThread(room: Room, root: string): Promise<void> {
    const replies = room.relations.repliesOf(root).filter((ev) => room.has(ev.event_id));
    const newest = replies.sort((a, b) => (room.orderOf(b.event_id) ?? 0) - (room.orderOf(a.event_id) ?? 0))[0]?.event_id;
    if (newest === undefined || room.threadReads.get(root) === newest) return;
    const before = room.threadReads.get(root);
    room.takeThreadReceipt(newest, root);
    this.host.touch(room.id);
    try {
      await this.host.mx.readThread(room.id, newest, root);
    } catch {
      if (before === undefined) room.threadReads.delete(root);
      else room.threadReads.set(root, before);
    }
  }

  // star puts this person's own mark on a message, or takes it off.
  async star(room: Room, event: string, on: boolean): Promise<void> {
    const before = room.starred;
    room.starred = new Map(before);
    if (on) room.starred.set(event, this.host.now());
    else room.starred.delete(event);
    const tell = (): void => { this.host.touch(room.id); this.host.topics.emit('stars'); };
    tell();
    try {
      await this.host.mx.setData(this.host.me.user_id, room.id, starredType, { events: Object.fromEntries(room.starred) });
    } catch (e) {
      room.starred = before;
      tell();
      throw e;
    }
  }

  // tag keeps a conversation at the top (m.favourite) or puts it away (m.lowpriority), on all of this person's devices.
  async tag(room: Room, tag: string, on: boolean): Promise<void> {
    const before = room.tags;
    room.tags = on ? [...before.filter((t) => t !== tag), tag] : before.filter((t) => t !== tag);
    this.tell(room);
    try {
      await this.host.mx.tag(this.host.me.user_id, room.id, tag, on);
    } catch (e) {
      room.tags = before;
      this.tell(room);
      throw e;
    }
  }

  levelOf(room: string): Level {
    return this.muted.has(room) ? 'nothing' : this.mentions.has(room) ? 'mentions' : 'all';
  }

  // hear says how one is told of a conversation, and until when; 0 until one says otherwise. It holds for all of one's devices and apps.
  async hear(room: Room, level: Level, until = 0): Promise<void> {
    await this.host.clinic.setLevel(room.id, level, until);
    const without = (set: Set<string>): Set<string> => new Set([...set].filter((r) => r !== room.id));
    this.takeLevels({ muted: without(this.muted), mentions: without(this.mentions) });
    if (level === 'nothing') this.muted.add(room.id);
    if (level === 'mentions') this.mentions.add(room.id);
    room.silentUntil = until;
    this.tell(room);
  }

  takeLevels(l: Levels): void {
    this.muted = l.muted;
    this.mentions = l.mentions;
  }

  reminderOf(room: string, event: string): Reminder | undefined {
    return this.reminders.find((r) => r.room === room && r.event === event);
  }

  // remind brings a message back at an instant; 0 puts a reminder away.
  async remind(room: string, event: string, at: number): Promise<void> {
    await this.host.clinic.setReminder(room, event, at);
    const others = this.reminders.filter((r) => r.room !== room || r.event !== event);
    this.reminders = at === 0 ? others : [...others, { room, event, at, due: false }].sort((a, b) => a.at - b.at);
    this.host.topics.emit('reminders');
  }

  private tell(room: Room): void {
    this.host.touch(room.id);
    this.host.topics.emit('rooms');
  }
}
