import { describe, expect, it } from 'vitest';
import { Clock } from '../src/mx/clock';
import { HttpWire } from '../src/mx/http';

const HOUR = 3_600_000;

// A device whose clock on the wall can be set and which can sleep; the server's goes right.
function device() {
  const d = { server: 1_800_000_000_000, wall: 1_800_000_000_000 - 90_000, steady: 5000, asked: 0, clock: null as unknown as Clock };
  d.clock = new Clock(() => d.wall, () => d.steady);
  d.clock.onDoubt = () => { d.asked++; };
  d.clock.note(d.server);
  return {
    d,
    pass(ms: number): void { d.server += ms; d.wall += ms; d.steady += ms; },
    sleep(ms: number): void { d.server += ms; d.wall += ms; },
    set(ms: number): void { d.wall += ms; },
    off: (): number => d.clock.now() - d.server,
  };
}

describe('the server’s clock', () => {
  it('OK: is followed by a device whose own is wrong by an hour, either way', () => {
    for (const wrong of [-HOUR, HOUR]) {
      const wire = new HttpWire();
      wire.noteClock(Date.now() + wrong);
      expect(Math.abs(wire.serverClock() - (Date.now() + wrong))).toBeLessThan(1000);
      wire.noteClock(0); // an answer that does not say it changes nothing
      expect(Math.abs(wire.serverClock() - (Date.now() + wrong))).toBeLessThan(1000);
    }
  });

  it('OK: goes on rightly while nothing happens to the device’s own, and nobody is asked', () => {
    const { d, pass, off } = device();
    for (let i = 0; i < 100; i++) {
      pass(500);
      expect(off()).toBe(0);
    }
    expect(d.asked).toBe(0);
  });

  it('OK: a device’s clock that is set back while the app is open changes no countdown, and the server is asked', () => {
    const { d, pass, set, off } = device();
    pass(500);
    set(-HOUR);
    expect(off()).toBe(0);
    pass(500);
    expect(off()).toBe(0);
    expect(d.asked).toBe(1);
  });

  it('OK: one that is set forward is put right by the server’s answer, and is asked for once', () => {
    const { d, pass, set, off } = device();
    pass(500);
    set(HOUR);
    expect(off()).toBe(HOUR);
    expect(d.asked).toBe(1);
    pass(500);
    d.clock.note(d.server);
    expect(off()).toBe(0);
    pass(500);
    expect(off()).toBe(0);
    expect(d.asked).toBe(1);
  });

  it('OK: a device that has slept counts rightly at once, and asks', () => {
    const { d, sleep, off } = device();
    sleep(8 * HOUR);
    expect(off()).toBe(0);
    expect(d.asked).toBe(1);
  });

  it('OK: a clock that the network puts right by little steps is no cause to ask', () => {
    const { d, pass, set, off } = device();
    for (let i = 0; i < 20; i++) {
      pass(500);
      set(-40);
      off();
    }
    expect(d.asked).toBe(0);
    expect(Math.abs(off())).toBeLessThan(1000);
  });

  it('OK: an answer between two looks hides no jump, because it says the time itself', () => {
    const { d, pass, set, off } = device();
    pass(500);
    set(-HOUR);
    d.clock.note(d.server);
    expect(off()).toBe(0);
    expect(d.asked).toBe(0);
  });
});
