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
