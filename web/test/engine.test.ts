import { describe, expect, it, vi } from 'vitest';
import { Clinical } from '../src/api/clinical';
import { HttpWire } from '../src/mx/http';
import { Engine } from '../src/store/engine';
import type { Disk } from '../src/store/disk';
import { FallbackDisk } from '../src/store/fallback';
import type { Env, Signal } from '../src/store/env';
import { MemoryDisk } from '../src/store/memory';
import { message, response } from './helpers';

const me = { user_id: '@asha:x', device_id: 'D', name: 'Asha', role: '' };

class DeafWire extends HttpWire {
  override call<T>(): Promise<T> { return new Promise<T>(() => undefined); }
}

// Tabs of one browser hear what the others say, and not themselves. What is said before somebody listens is lost.
class Browser {
  private readonly ears = new Map<object, (s: Signal) => void>();
  tab(): Pick<Env, 'post' | 'hear'> {
    const me = {};
    return { post: (s) => { for (const [who, hear] of [...this.ears]) if (who !== me) hear(structuredClone(s)); }, hear: (fn) => void this.ears.set(me, fn) };
  }
}

function engine(disk: Disk, leads = true, browser = new Browser()): Engine {
  const browserTab = browser.tab();
  const env: Env = {
    tab: 't', conn: 'web', forget: () => undefined, ...browserTab, lead: (fn) => { if (leads) fn(); },
    standAlone: () => browserTab.post({ kind: 'nothing kept' }), drawn: () => Promise.resolve(), wait: () => () => undefined, now: () => 1_000_000, upload: () => Promise.reject(new Error('none')), abandon: () => undefined,
  };
  const wire = new DeafWire();
  return new Engine(disk, wire, new Clinical(wire), env);
}

const settle = async () => { for (let i = 0; i < 30; i++) await Promise.resolve(); };

describe('the engine', () => {
  it('tells of a response, and then writes it in one transaction with its position', async () => {
    const disk = new MemoryDisk();
    const e = engine(disk);
    await e.start(me);
    await settle();
    let told = -1;
    e.topics.on('room !a', () => { told = disk.commits; });
    await e.applySync(response('p1', { '!a': { initial: true, name: 'A', timeline_events: [message('1', 'x')] }, '!b': { initial: true, timeline_events: [message('2', 'y')] } }));
    expect(disk.commits).toBe(1);
    expect(told).toBe(0);
    expect((await disk.open()).meta.get('pos')).toBe('p1');
  });

  it('opens with what the disk kept, before any network', async () => {
    const disk = new MemoryDisk();
    const first = engine(disk);
    await first.start(me);
    await settle();
    await first.applySync(response('p1', { '!a': { initial: true, name: 'Ward 7', notification_count: 3, timeline_events: [message('1', 'x'), message('2', 'y')] } }));
    const again = engine(disk, false);
    expect((await again.recall())?.user_id).toBe(me.user_id);
    expect(again.sorted().map((r) => `${r.title()} ${r.unread}`)).toEqual(['Ward 7 3']);
    const room = await again.shelf.open('!a');
    expect(room.lines).toHaveLength(2);
  });

  it('keeps the tests that wait for an answer, also over a start, and puts one away that is answered', async () => {
    const disk = new MemoryDisk();
    const e = engine(disk);
    await e.start(me);
    await settle();
    let told = 0;
    e.topics.on('tests', () => { told += 1; });
    const tests = [{ run: 'tr_1', post: 'SHO 1', at: 1, due_at: 301_000 }, { run: 'tr_2', post: 'SHO 2', at: 2, due_at: 302_000 }, { post: 'nonsense' }];
    await e.applySync({ ...response('p1', {}), extensions: { account_data: { global: [{ type: 'uk.wardline.tests', content: { tests } }] } } });
    expect(told).toBe(1);
    const again = engine(disk, false);
    await again.recall();
    expect(again.marks.tests.map((x) => `${x.run} ${x.post} ${x.due}`)).toEqual(['tr_1 SHO 1 301000', 'tr_2 SHO 2 302000']);
    e.marks.answered('tr_1');
    expect(e.marks.tests.map((x) => x.run)).toEqual(['tr_2']);
    expect(told).toBe(2);
    await e.erase();
    expect(e.marks.tests).toEqual([]);
  });

  it('orders the newest first and counts the unread', async () => {
    const e = engine(new MemoryDisk());
    await e.start(me);
    await settle();
    await e.applySync(response('p1', { '!a': { initial: true, name: 'A', timeline_events: [message('1', 'x')] }, '!b': { initial: true, name: 'B', notification_count: 1, timeline_events: [message('2', 'y')] } }));
    expect(e.sorted().map((r) => r.name)).toEqual(['B', 'A']);
    expect(e.marks.unreadTotal()).toBe(1);
    await e.applySync(response('p2', { '!b': { notification_count: 0 }, '!a': { timeline_events: [message('3', 'z')] } }));
    expect(e.sorted().map((r) => r.name)).toEqual(['A', 'B']);
    expect(e.marks.unreadTotal()).toBe(0);
  });

  it('takes its own message back by transaction, out of memory and disk', async () => {
    const disk = new MemoryDisk();
    const e = engine(disk);
    await e.start(me);
    await settle();
    const item = await e.outbox.add({ room: '!a', type: 'm.room.message', content: { body: 'hi' } });
    await e.applySync(response('p1', { '!a': { initial: true, timeline_events: [message('1', 'hi', me.user_id, { unsigned: { transaction_id: item.txn } })] } }));
    expect(e.outbox.items).toHaveLength(0);
    expect(await disk.out()).toHaveLength(0);
  });

  it('forgets a deleted message on the disk too', async () => {
    const disk = new MemoryDisk();
    const e = engine(disk);
    await e.start(me);
    await settle();
    await e.applySync(response('p1', { '!a': { initial: true, timeline_events: [message('1', 'secret')] } }));
    await e.applySync(response('p2', { '!a': { timeline_events: [{ ...message('2', ''), type: 'm.room.redaction', content: { redacts: '1' } }] } }));
    expect(JSON.stringify(await disk.lines('!a'))).not.toContain('secret');
  });

  it('erases everything for another person', async () => {
    const disk = new MemoryDisk();
    const e = engine(disk);
    await e.start(me);
    await settle();
    await e.applySync(response('p1', { '!a': { initial: true, timeline_events: [message('1', 'x')] } }));
    await e.start({ ...me, user_id: '@tom:x' });
    expect((await disk.open()).rooms).toEqual([]);
    expect(e.sorted()).toEqual([]);
  });

  it('typing and receipts reach their room', async () => {
    const e = engine(new MemoryDisk());
    await e.start(me);
    await settle();
    await e.applySync(response('p1', { '!a': { initial: true, timeline_events: [message('1', 'x')] } }, {
      typing: { rooms: { '!a': { content: { user_ids: ['@tom:x', me.user_id] } } } },
      receipts: { rooms: { '!a': { content: { '1': { 'm.read': { '@tom:x': { ts: 5 } } } } } } },
      account_data: { rooms: { '!a': [{ type: 'm.fully_read', content: { event_id: '1' } }] } },
    }));
    const r = e.rooms.get('!a');
    expect(r?.typing).toEqual(['@tom:x']);
    expect(r?.receipts.get('@tom:x')?.event).toBe('1');
    expect(r?.fullyRead).toBe('1');
  });
});

describe('two tabs of one browser', () => {
  const open = async (disk: MemoryDisk, browser: Browser, leads: boolean): Promise<Engine> => {
    const e = engine(disk, leads, browser);
    await e.recall();
    void e.start(me); // with nothing to show it waits for the first answer, and here there is none
    await settle();
    return e;
  };

  it('a tab that opens misses nothing that the leading one is told while it reads the disk', async () => {
    const disk = new SlowDisk();
    const browser = new Browser();
    const first = await open(disk, browser, true);
    await first.applySync(response('p1', { '!a': { initial: true, name: 'A', timeline_events: [message('1', 'x')] } }));
    const release = disk.hold('reads');
    const second = engine(disk, false, browser);
    const read = second.recall();
    await settle();
    await first.applySync(response('p2', { '!a': { notification_count: 1, timeline_events: [message('2', 'y')] } }));
    release();
    await read;
    void second.start(me);
    await settle();
    const room = await second.shelf.open('!a');
    expect([room.unread, room.lines.map((l) => l.ev.event_id).join(' ')]).toEqual([1, '1 2']);
  });

  it('what another tab reads from the disk of what waits is not sent twice, nor shown beside what came of it', async () => {
    const disk = new SlowDisk();
    const browser = new Browser();
    const first = await open(disk, browser, true);
    await first.applySync(response('p1', { '!a': { initial: true, name: 'A' } }));
    const item = await first.outbox.add({ room: '!a', type: 'm.room.message', content: { msgtype: 'm.text', body: 'here' } });
    const release = disk.hold('writes');
    const echo = first.applySync(response('p2', { '!a': { timeline_events: [message('9', 'here', me.user_id, { unsigned: { transaction_id: item.txn } })] } }));
    await settle();
    browser.tab().post({ kind: 'out' }); // before the disk has heard of the echo
    await settle();
    release();
    await echo;
    await settle();
    expect(first.outbox.items).toEqual([]);
  });

  it('a tab that opens while there is no network says so', async () => {
    const disk = new MemoryDisk();
    const browser = new Browser();
    const first = await open(disk, browser, true);
    first.networkChanged(false);
    const second = await open(disk, browser, false);
    expect(second.offlineSince).toBe(first.offlineSince);
  });

  it('a field that was looked at and left does not take away what another tab has in it', async () => {
    const disk = new MemoryDisk();
    const browser = new Browser();
    const first = await open(disk, browser, true);
    const second = await open(disk, browser, false);
    await second.shelf.open('!a');
    first.setDraft({ room: '!a', text: 'half a', replyTo: '' });
    second.setDraft({ room: '!a', text: '', replyTo: '' });
    first.setDraft({ room: '!b', text: 'half b', replyTo: '' });
    expect((await disk.open()).drafts.map((d) => d.text)).toEqual(['half a', 'half b']);
    expect(second.drafts.get('!b')?.text).toBe('half b');
    second.setDraft({ room: '!b', text: '', replyTo: '' });
    expect(first.drafts.get('!b')).toBeUndefined();
    expect(second.drafts.get('!a')).toBeUndefined(); // nothing is changed under somebody's fingers
    second.shelf.close('!a');
    await settle();
    expect(second.drafts.get('!a')?.text).toBe('half a');
  });
});

describe('a device that can keep nothing', () => {
  const full = (): MemoryDisk => {
    const disk = new MemoryDisk();
    disk.commit = disk.putOut = (): Promise<never> => Promise.reject(new DOMException('full', 'QuotaExceededError'));
    return disk;
  };
  const on = async (kept: MemoryDisk, browser: Browser, leads: boolean): Promise<{ e: Engine; freed: () => number }> => {
    let freed = 0;
    const disk = new FallbackDisk(kept, new MemoryDisk(), async () => { freed++; });
    const e = engine(disk, leads, browser);
    disk.onLost = () => void e.keepNothing();
    await e.recall();
    void e.start(me);
    await settle();
    return { e, freed: () => freed };
  };

  it('starts all the same where nothing can be opened', async () => {
    const disk = new MemoryDisk();
    disk.open = () => Promise.reject(new DOMException('denied', 'SecurityError'));
    const nobody = new FallbackDisk(disk, new MemoryDisk(), () => Promise.resolve());
    const other = engine(nobody);
    nobody.onLost = () => void other.keepNothing();
    expect(await other.recall()).toBeNull();
    const { e } = await on(disk, new Browser(), false);
    expect(e.keepsNothing).toBe(true);
    await e.applySync(response('p1', { '!a': { initial: true, name: 'A', timeline_events: [message('1', 'x')] } }));
    expect((await e.shelf.open('!a')).lines).toHaveLength(1);
  });

  it('waits for no store that never answers', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const never = (): Promise<never> => new Promise(() => undefined);
      const disk = new MemoryDisk();
      disk.open = disk.commit = disk.wipe = never;
      let lost = 0;
      const both = new FallbackDisk(disk, new MemoryDisk(), () => Promise.resolve());
      both.onLost = () => { lost++; };
      const start = both.open();
      await vi.advanceTimersByTimeAsync(5_500);
      expect(lost).toBe(0); // slow is not damaged
      await vi.advanceTimersByTimeAsync(1_000);
      expect((await start).rooms).toEqual([]);
      await both.commit({ rooms: [], lines: [], dropped: [], state: [], meta: { pos: 'p1' }, outDone: [] });
      expect([lost, await both.meta('pos')]).toEqual([1, 'p1']);
      const wiped = both.wipe(); // a sign-out goes on as well
      await vi.advanceTimersByTimeAsync(6_500);
      await wiped;
      expect(await both.meta('pos')).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it('makes room first, then goes on in memory and loses nothing of the response', async () => {
    const { e, freed } = await on(full(), new Browser(), true);
    await e.applySync(response('p1', { '!a': { initial: true, name: 'A', timeline_events: [message('1', 'x')] } }));
    expect([freed(), e.keepsNothing, e.broken]).toEqual([1, true, '']);
    await e.applySync(response('p2', { '!a': { timeline_events: [message('2', 'y')] } }));
    expect((await e.shelf.open('!a')).lines.map((l) => l.ev.event_id).join(' ')).toBe('1 2');
  });

  it('takes along what waits to be sent', async () => {
    const { e } = await on(full(), new Browser(), true);
    const item = await e.outbox.add({ room: '!a', type: 'm.room.message', content: { msgtype: 'm.text', body: 'one' } });
    await settle();
    expect([e.keepsNothing, e.outbox.items.map((i) => i.seq)]).toEqual([true, [item.seq]]);
  });

  it('tells the other tabs, which do the same', async () => {
    const browser = new Browser();
    const first = await on(full(), browser, true);
    const second = await on(new MemoryDisk(), browser, false);
    await first.e.applySync(response('p1', { '!a': { initial: true, name: 'A' } }));
    await settle();
    expect(second.e.keepsNothing).toBe(true);
  });
});

// SlowDisk answers what it holds, and keeps what it is given, when it is let.
class SlowDisk extends MemoryDisk {
  private readonly gates = { reads: Promise.resolve(), writes: Promise.resolve() };
  hold(what: 'reads' | 'writes'): () => void {
    let release = (): void => undefined;
    this.gates[what] = new Promise((ok) => { release = ok; });
    return () => release();
  }
  override async open(): ReturnType<MemoryDisk['open']> {
    const read = await super.open(); // as it is now; only the answer takes its time
    await this.gates.reads;
    return read;
  }
  override async commit(b: Parameters<MemoryDisk['commit']>[0]): Promise<void> {
    await this.gates.writes;
    await super.commit(b);
  }
}
