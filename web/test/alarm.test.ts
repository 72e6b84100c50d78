import { afterEach, beforeEach, expect, it, vi } from 'vitest';

// A loudspeaker that counts the tones, and a phone that may take the sound away.
class Loud {
  static tones: number[] = [];
  static allowed = true;
  state = 'suspended';
  currentTime = 0;
  destination = {};
  resume(): Promise<void> {
    if (Loud.allowed) this.state = 'running';
    return Promise.resolve();
  }
  createOscillator() {
    const frequency = { set value(hz: number) { Loud.tones.push(hz); } };
    return { type: '', frequency, connect: (to: unknown) => to, start: () => undefined, stop: () => undefined };
  }
  createGain() {
    const gain = { setValueAtTime: () => undefined, linearRampToValueAtTime: () => undefined };
    return { gain, connect: () => undefined };
  }
}

const heard = (): number[] => Loud.tones.splice(0);
let presses: Record<string, () => void> = {};

async function speaker() {
  vi.resetModules();
  return (await import('../src/ui/alarm.svelte')).alarm;
}

beforeEach(() => {
  vi.useFakeTimers();
  presses = {};
  Loud.allowed = true;
  Loud.tones = [];
  vi.stubGlobal('AudioContext', Loud);
  vi.stubGlobal('navigator', {});
  vi.stubGlobal('addEventListener', (kind: string, fn: () => void) => { presses[kind] = fn; });
  vi.stubGlobal('removeEventListener', (kind: string) => { delete presses[kind]; });
});

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

it('the end of a trial does not silence a page that came meanwhile', async () => {
  const alarm = await speaker();
  await alarm.unlock();
  alarm.trial();
  await vi.advanceTimersByTimeAsync(1000);
  alarm.start(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(alarm.sounding).toBe(true);
  heard();
  await vi.advanceTimersByTimeAsync(1000);
  expect(heard()).toEqual([784, 622]);
  alarm.stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(heard()).toEqual([]);
});

it('a trial ends by itself and talks over no page', async () => {
  const alarm = await speaker();
  await alarm.unlock();
  alarm.trial();
  await vi.advanceTimersByTimeAsync(3000);
  expect(alarm.sounding).toBe(false);
  alarm.start(true);
  alarm.trial();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(alarm.sounding).toBe(true);
  heard();
  await vi.advanceTimersByTimeAsync(1000);
  expect(heard()).toEqual([988, 740]);
  alarm.stop();
});

it('an emergency that comes while a page rings sounds as one', async () => {
  const alarm = await speaker();
  await alarm.unlock();
  alarm.start(false);
  alarm.start(true);
  heard();
  await vi.advanceTimersByTimeAsync(1000);
  expect(heard()).toEqual([988, 740]);
  alarm.stop();
});

it('it sounds again by itself when the phone gives the sound back', async () => {
  const alarm = await speaker();
  Loud.allowed = false;
  alarm.start(false);
  await vi.advanceTimersByTimeAsync(5000);
  expect(heard()).toEqual([]);
  Loud.allowed = true;
  await vi.advanceTimersByTimeAsync(2000);
  expect(heard()).toEqual([784, 622]);
  alarm.stop();
});

it('presses are listened for until one has unlocked the sound', async () => {
  const alarm = await speaker();
  Loud.allowed = false;
  presses['pointerdown']?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(alarm.unlocked).toBe(false);
  Loud.allowed = true;
  presses['pointerup']?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(alarm.unlocked).toBe(true);
  expect(Object.keys(presses)).toEqual([]);
});
