// Joins the engine's topics to Svelte: read something after heed(topic) and it is read again when the topic is
// announced.

import { createSubscriber } from 'svelte/reactivity';
import { engine } from '../app';

const subscribers = new Map<string, () => void>();

export function heed(topic: string): void {
  let s = subscribers.get(topic);
  if (!s) {
    s = createSubscriber((update) => engine.topics.on(topic, update));
    subscribers.set(topic, s);
  }
  s();
}

const patient = new Map<string, () => void>();

// heedSoon is heed for what may be drawn a moment later: after the frame in which somebody sees what they have just done. Announcements
// that come together are one.
export function heedSoon(topic: string): void {
  let s = patient.get(topic);
  if (!s) {
    s = createSubscriber((update) => {
      let waits = false;
      const draw = (): void => {
        waits = false;
        update();
      };
      return engine.topics.on(topic, () => {
        if (waits) return;
        waits = true;
        if (document.visibilityState === 'visible') requestAnimationFrame(() => setTimeout(draw, 0));
        else setTimeout(draw, 0); // nobody looks, and there are no frames
      });
    });
    patient.set(topic, s);
  }
  s();
}

const second = $state({ now: Date.now() });
const tick = createSubscriber((update) => {
  const t = setInterval(() => {
    second.now = Date.now();
    update();
  }, 500);
  return () => clearInterval(t);
});

// serverNow follows the server's clock, for countdowns; whoever reads it is drawn again twice a second.
export function serverNow(): number {
  tick();
  return engine.serverNow();
}

// minute is this device's clock, for "until" and day names.
export function minuteNow(): number {
  tick();
  return Math.floor(Date.now() / 60_000) * 60_000;
}
