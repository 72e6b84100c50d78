import { describe, expect, it } from 'vitest';
import { HttpWire } from '../src/mx/http';

describe('the server’s clock', () => {
  it('OK: is followed by a device whose own is wrong by an hour, either way', () => {
    for (const wrong of [-3_600_000, 3_600_000]) {
      const wire = new HttpWire();
      wire.noteClock(Date.now() + wrong);
      expect(Math.abs(wire.serverClock() - (Date.now() + wrong))).toBeLessThan(1000);
      wire.noteClock(0); // an answer that does not say it changes nothing
      expect(Math.abs(wire.serverClock() - (Date.now() + wrong))).toBeLessThan(1000);
    }
  });
});
