import { describe, expect, it } from 'vitest';
import { Room } from '../src/mx/room';
import { KEEP, MOST, spare } from '../src/store/keep';
import { message } from './helpers';

function room(n: number, unread = 0): Room {
  const r = new Room('!r');
  r.apply({ initial: true, timeline_events: Array.from({ length: n }, (_, i) => message(`m${i}`, 'x')), prev_batch: 't', notification_count: unread }, '@asha:x');
  return r;
}

describe('what a device keeps of a conversation', () => {
  it('is everything of a short one', () => {
    expect(spare(room(MOST))).toBe(0);
  });

  it('is the newest of a long one', () => {
    expect(spare(room(MOST + 1))).toBe(KEEP);
  });

  it('holds what is not read yet', () => {
    expect(spare(room(600, 400))).toBe(450);
    expect(spare(room(600, 560))).toBe(0); // hardly anything could go
  });

  it('holds what a screen shows', () => {
    const r = room(600);
    expect(spare(r, r.lines[300]?.n)).toBe(300);
    expect(spare(r, Number.NEGATIVE_INFINITY)).toBe(0);
  });
});
