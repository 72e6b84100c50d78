import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { follow } from '../src/ui/follow';

// A page that somebody looks at, or not.
class Page extends EventTarget {
  visibilityState: DocumentVisibilityState = 'visible';

  is(state: DocumentVisibilityState): void {
    this.visibilityState = state;
    this.dispatchEvent(new Event('visibilitychange'));
  }
}

describe('a screen that asks again', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it('OK: asks at once and then again and again, also after a failure', async () => {
    let asked = 0;
    const end = follow(async () => { if (++asked === 2) throw new Error('no network'); }, 1000, new Page());
    expect(asked).toBe(1);
    await vi.advanceTimersByTimeAsync(3500);
    expect(asked).toBe(4);
    end();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(asked).toBe(4);
  });

  it('OK: does not ask while nobody can see it, and asks at once when somebody comes back', async () => {
    let asked = 0;
    const page = new Page();
    const end = follow(async () => { asked++; }, 1000, page);
    await vi.advanceTimersByTimeAsync(1500);
    expect(asked).toBe(2);
    page.is('hidden');
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(asked).toBe(2);
    page.is('visible');
    expect(asked).toBe(3);
    await vi.advanceTimersByTimeAsync(1500);
    expect(asked).toBe(4);
    end();
    page.is('visible');
    expect(asked).toBe(4);
  });

  it('OK: waits for an answer before it asks again, but not for ever; a late answer begins no second run of questions', async () => {
    const waits: (() => void)[] = [];
    const end = follow(() => new Promise<void>((ok) => waits.push(ok)), 1000, new Page());
    await vi.advanceTimersByTimeAsync(10_000);
    expect(waits.length).toBe(1);
    await vi.advanceTimersByTimeAsync(10_000);
    expect(waits.length).toBe(2);
    waits[0]?.();
    await vi.advanceTimersByTimeAsync(5000);
    expect(waits.length).toBe(2);
    waits[1]?.();
    await vi.advanceTimersByTimeAsync(1500);
    expect(waits.length).toBe(3);
    end();
  });

  it('OK: opened in a tab that nobody looks at, it asks when somebody does', () => {
    let asked = 0;
    const page = new Page();
    page.visibilityState = 'hidden';
    const end = follow(async () => { asked++; }, 1000, page);
    expect(asked).toBe(0);
    page.is('visible');
    expect(asked).toBe(1);
    end();
  });
});
