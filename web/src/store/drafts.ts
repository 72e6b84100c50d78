// Half-written messages follow their person from device to device, through the room's account data. Rules: what was changed last wins;
// what somebody has open is never changed under their fingers; what could not be told is told when the network is back.

import { number, text } from '../mx/types';
import type { Json } from '../mx/types';
import type { Draft } from './disk';

export const draftType = 'uk.wardline.draft';
const SOON = 2_000;
const LONGEST = 16_000;

export interface DraftPort {
  put(room: string, content: Json): Promise<unknown>;
  wait(ms: number, fn: () => void): () => void;
  now(): number;
  device(): string;
}

export class DraftSync {
  private readonly port: DraftPort;
  private readonly waiting = new Map<string, { draft: Draft; cancel: () => void }>();
  private readonly told = new Map<string, string>(); // room to what the server has
  private readonly at = new Map<string, number>(); // room to when this device's draft was changed
  private readonly aside = new Map<string, Draft>(); // what another tab has in a field that stands open here as well

  constructor(port: DraftPort) {
    this.port = port;
  }

  // changed takes a draft of this device. Threads' drafts stay here: they have no account data of their own.
  changed(d: Draft): void {
    this.aside.delete(d.room);
    if (d.room.includes(' ') || d.text.length > LONGEST) return;
    const key = mark(d);
    const old = this.waiting.get(d.room);
    if (key === (old ? mark(old.draft) : (this.told.get(d.room) ?? mark({ room: d.room, text: '', replyTo: '' })))) return;
    old?.cancel();
    this.at.set(d.room, this.port.now());
    this.waiting.set(d.room, { draft: d, cancel: this.port.wait(SOON, () => void this.tell(d.room)) });
  }

  // take reads what another device has told. It answers the draft to keep here, or nothing when this device's is newer or open.
  take(room: string, c: Json, open: boolean): Draft | undefined {
    const d: Draft = { room, text: text(c, 'text'), replyTo: text(c, 'reply_to') };
    this.told.set(room, mark(d));
    if (text(c, 'device') === this.port.device() || open) return undefined;
    if (number(c, 'at') < (this.at.get(room) ?? 0)) return undefined;
    this.waiting.get(room)?.cancel();
    this.waiting.delete(room);
    this.at.set(room, number(c, 'at'));
    return d;
  }

  // beside takes what another tab of this device has, and answers what can be taken over: all whose field does not stand open here, and
  // what waited for a field that was left as it was.
  beside(d: Draft | null, open: string): Draft[] {
    if (d) this.aside.set(d.room, d);
    const free = [...this.aside.values()].filter((x) => x.room.split(' ')[0] !== open);
    for (const x of free) this.aside.delete(x.room);
    return free;
  }

  // flush tells now what could not be told before.
  flush(): void {
    for (const room of [...this.waiting.keys()]) void this.tell(room);
  }

  clear(): void {
    for (const w of this.waiting.values()) w.cancel();
    this.waiting.clear();
    this.told.clear();
    this.at.clear();
    this.aside.clear();
  }

  private async tell(room: string): Promise<void> {
    const w = this.waiting.get(room);
    if (!w) return;
    w.cancel();
    const key = mark(w.draft);
    try {
      await this.port.put(room, { text: w.draft.text, reply_to: w.draft.replyTo, at: this.at.get(room) ?? this.port.now(), device: this.port.device() });
      this.told.set(room, key);
      if (this.waiting.get(room) === w) this.waiting.delete(room);
    } catch {
      // stays, and goes with the next flush
    }
  }
}

function mark(d: Draft): string {
  return `${d.replyTo}\n${d.text}`;
}
