import { describe, expect, it } from 'vitest';
import { DraftSync } from '../src/store/drafts';
import type { Json } from '../src/mx/types';

function device(name: string, put: (room: string, c: Json) => Promise<unknown>) {
  let now = 1000;
  const due: (() => void)[] = [];
  const sync = new DraftSync({
    put, now: () => now, device: () => name,
    wait: (_, fn) => { due.push(fn); return () => { const i = due.indexOf(fn); if (i >= 0) due.splice(i, 1); }; },
  });
  return { sync, pass: (ms: number) => { now += ms; }, run: () => { for (const fn of due.splice(0)) fn(); } };
}

describe('drafts between devices', () => {
  it('are told once, after a pause, as they are last', async () => {
    const told: Json[] = [];
    const d = device('A', async (_, c) => { told.push(c); });
    d.sync.changed({ room: '!r', text: 'h', replyTo: '' });
    d.sync.changed({ room: '!r', text: 'hello', replyTo: '' });
    d.run();
    await Promise.resolve();
    expect(told.map((c) => c['text'])).toEqual(['hello']);
    d.sync.changed({ room: '!r', text: 'hello', replyTo: '' });
    d.run();
    expect(told.length).toBe(1);
    d.sync.changed({ room: '!r $thread', text: 'stays here', replyTo: '' });
    d.run();
    expect(told.length).toBe(1);
  });

  it('are kept when the network fails, and told when it is back', async () => {
    const told: Json[] = [];
    let up = false;
    const d = device('A', async (_, c) => { if (!up) throw new Error('away'); told.push(c); });
    d.sync.changed({ room: '!r', text: 'x', replyTo: '' });
    d.run();
    await Promise.resolve();
    up = true;
    d.sync.flush();
    await Promise.resolve();
    expect(told.map((c) => c['text'])).toEqual(['x']);
  });

  it('the newest wins, except under somebody’s fingers, and one’s own echo changes nothing', () => {
    const d = device('A', async () => undefined);
    d.pass(5000);
    d.sync.changed({ room: '!r', text: 'mine', replyTo: '' });
    expect(d.sync.take('!r', { text: 'older', at: 10, device: 'B' }, false)).toBeUndefined();
    expect(d.sync.take('!r', { text: 'newer', at: 9000, device: 'B' }, true)).toBeUndefined();
    expect(d.sync.take('!r', { text: 'mine', at: 9000, device: 'A' }, false)).toBeUndefined();
    expect(d.sync.take('!r', { text: 'newer', reply_to: '$e', at: 9000, device: 'B' }, false)).toEqual({ room: '!r', text: 'newer', replyTo: '$e' });
    expect(d.sync.take('!r', { text: '', at: 9500, device: 'B' }, false)?.text).toBe('');
  });
});
