import { beforeEach, describe, expect, it } from 'vitest';
import { WireError } from '../src/mx/http';
import { Outbox, type Timer } from '../src/mx/outbox';
import { MemoryDisk } from '../src/store/memory';
import type { OutItem } from '../src/store/disk';

class HandClock implements Timer {
  private at = 1000;
  private due: { ms: number; fn: () => void }[] = [];
  now(): number { return ++this.at; }
  wait(ms: number, fn: () => void): () => void {
    const d = { ms, fn };
    this.due.push(d);
    return () => { this.due = this.due.filter((x) => x !== d); };
  }
  pauses(): number[] { return this.due.map((d) => d.ms); }
  ring(): void { const all = this.due; this.due = []; for (const d of all) d.fn(); }
}

const settle = async () => { for (let i = 0; i < 40; i++) await Promise.resolve(); };

describe('the outbox', () => {
  let disk: MemoryDisk;
  let clock: HandClock;
  let sent: string[];
  let fail: (i: OutItem) => WireError | null;
  let box: Outbox;

  const carrier = {
    send: async (i: OutItem) => {
      const f = fail(i);
      if (f) throw f;
      sent.push(`${i.room} ${String(i.content['body'])} ${i.txn}`);
      return `$${i.txn}`;
    },
    upload: async () => 'mxc://x/1',
  };
  const say = (room: string, body: string) => box.add({ room, type: 'm.room.message', content: { body } });
  const bodies = () => sent.map((s) => s.split(' ')[1]).join(' ');

  beforeEach(() => {
    disk = new MemoryDisk();
    clock = new HandClock();
    sent = [];
    fail = () => null;
    box = new Outbox(disk, carrier, clock);
  });

  it('is on disk before the request leaves', async () => {
    let onDisk = -1;
    fail = () => { void disk.out().then((o) => (onDisk = o.length)); return null; };
    box.run();
    await say('!a', 'one');
    await settle();
    expect(onDisk).toBe(1);
  });

  it('shows the message before the disk has it', () => {
    void say('!a', 'one');
    expect(box.of('!a')).toHaveLength(1);
  });

  it('tells the other tabs when the message can be found on disk', async () => {
    let found = 0;
    box.changed = () => { void disk.out().then((o) => (found = o.length)); };
    await say('!a', 'one');
    await settle();
    expect(found).toBe(1);
  });

  it('sends strictly in order, and rooms do not wait for one another', async () => {
    fail = (i) => (i.room === '!a' ? new WireError(0, 'OFFLINE', '') : null);
    box.run();
    await say('!a', 'a1');
    await say('!a', 'a2');
    await say('!b', 'b1');
    await settle();
    expect(bodies()).toBe('b1');
    fail = () => null;
    clock.ring();
    await settle();
    expect(bodies()).toBe('b1 a1 a2');
  });

  it('tries again under the same transaction id, with growing pauses', async () => {
    const txns = new Set<string>();
    let left = 3;
    fail = (i) => { txns.add(i.txn); return left-- > 0 ? new WireError(503, 'M_UNKNOWN', '') : null; };
    box.run();
    await say('!a', 'one');
    await settle();
    const pauses: number[] = [];
    while (clock.pauses().length > 0) { pauses.push(...clock.pauses()); clock.ring(); await settle(); }
    expect(txns.size).toBe(1);
    expect(pauses).toEqual([1000, 2000, 4000]);
    expect(sent).toHaveLength(1);
  });

  it('waits as long as the server asks', async () => {
    fail = () => new WireError(429, 'M_LIMIT_EXCEEDED', '', 7000);
    box.run();
    await say('!a', 'one');
    await settle();
    expect(clock.pauses()).toEqual([7000]);
  });

  it('keeps a refused message where it is and lets the next pass', async () => {
    fail = (i) => (i.content['body'] === 'bad' ? new WireError(403, 'M_FORBIDDEN', 'You may not') : null);
    box.run();
    await say('!a', 'bad');
    await say('!a', 'good');
    await settle();
    expect(bodies()).toBe('good');
    expect(box.items.map((i) => i.state)).toEqual(['failed', 'sent']);
    fail = () => null;
    await box.retry(box.items[0]?.seq ?? 0);
    await settle();
    expect(bodies()).toBe('good bad');
  });

  it('goes on after a restart with what the disk kept', async () => {
    fail = () => new WireError(0, 'OFFLINE', '');
    box.run();
    await say('!a', 'one');
    await say('!a', 'two');
    await settle();
    box.stop();
    const again = new Outbox(disk, carrier, clock);
    again.restore(await disk.out());
    fail = () => null;
    again.run();
    await settle();
    expect(bodies()).toBe('one two');
  });

  it('leaves when the server has shown the message back, by transaction', async () => {
    box.run();
    const item = await say('!a', 'one');
    await settle();
    expect(box.echoed('!a', (i) => i.txn === item.txn)).toEqual([item.seq]);
    expect(box.items).toHaveLength(0);
  });

  it('uploads a photo once, even when the message after it fails', async () => {
    let uploads = 0;
    let first = true;
    const slow = new Outbox(disk, { ...carrier, upload: async () => { uploads++; return 'mxc://x/1'; } }, clock);
    fail = () => { if (!first) return null; first = false; return new WireError(0, 'OFFLINE', ''); };
    slow.run();
    const media = { blob: new Blob(['x']), name: 'p.jpg', w: 1, h: 1, uri: '' };
    await slow.add({ room: '!a', type: 'm.room.message', content: { body: 'photo' }, media });
    await settle();
    clock.ring();
    await settle();
    expect(uploads).toBe(1);
    expect(slow.items[0]?.content['url']).toBe('mxc://x/1');
  });

  describe('beside another tab, which does not send', () => {
    const refuse = async (): Promise<Outbox> => {
      fail = () => new WireError(400, 'M_FORBIDDEN', 'no');
      box.run();
      await say('!a', 'one');
      await settle();
      fail = () => null;
      const other = new Outbox(disk, carrier, clock);
      other.restore(await disk.out());
      expect(other.items.map((i) => i.state)).toEqual(['failed']);
      return other;
    };

    it('sends what the other tab has asked for again', async () => {
      const other = await refuse();
      await other.retry(other.items[0]?.seq ?? 0);
      expect(box.merge(await disk.out(), true)).toBe(true);
      await settle();
      expect(bodies()).toBe('one');
    });

    it('forgets what the other tab has given up', async () => {
      const other = await refuse();
      await other.drop(other.items[0]?.seq ?? 0);
      expect(box.merge(await disk.out(), true)).toBe(true);
      expect(box.items).toEqual([]);
    });

    it('stops the file that the other tab has given up', async () => {
      const stopped: number[] = [];
      const slow = new Outbox(disk, { ...carrier, upload: () => new Promise<string>(() => undefined), cancel: (i) => void stopped.push(i.seq) }, clock);
      slow.run();
      const item = await slow.add({ room: '!a', type: 'm.room.message', content: { body: 'film' }, media: { blob: new Blob(['x']), name: 'f.mp4', w: 1, h: 1, uri: '' } });
      await settle();
      const other = new Outbox(disk, carrier, clock);
      other.restore(await disk.out());
      await other.drop(item.seq);
      expect(slow.merge(await disk.out(), true)).toBe(true);
      expect([slow.items, stopped]).toEqual([[], [item.seq]]);
    });

    it('keeps on screen what the disk does not have yet', async () => {
      const there = await disk.out();
      const put = say('!a', 'mine');
      box.merge(there, false);
      expect(box.of('!a').map((i) => i.content['body'])).toEqual(['mine']);
      await put;
    });
  });
});
