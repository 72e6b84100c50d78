// A shared computer: nobody stays signed in by accident. The session ends with the shift, after idle minutes, and at the latest after
// thirteen hours. A page that rings holds it open, because it must be answered.

import { engine } from '../app';
import { session, signOut } from '../ui/session.svelte';
import { toast } from '../ui/toast.svelte';
import { t } from '../words/words';

const IDLE = 10 * 60_000;
const WARN = 60_000;
const LONGEST = 13 * 3_600_000;
const AFTER = 15 * 60_000; // handing over takes a while

let last = Date.now();
let warned = false;
const began = Date.now();

// end is when the session must be over.
export function end(untils: number[], from: number): number {
  const shift = untils.length > 0 ? Math.max(...untils) + AFTER : Infinity;
  return Math.min(shift, from + LONGEST);
}

function look(): void {
  if (session.state !== 'in') return;
  const now = Date.now();
  const untils = (session.me?.posts ?? []).map((p) => p.until ?? 0).filter((u) => u > began); // also when it is over by now: that is what ends the session
  const over = Math.min(end(untils, began), last + IDLE);
  if (engine.pages.mine(engine.me.user_id).length > 0) return;
  if (now >= over) {
    void signOut();
    return;
  }
  if (over - now <= WARN && !warned) {
    warned = true;
    toast.say(t('This shared computer signs you out in a minute. Touch it to stay.'), WARN);
  }
}

export function watch(): void {
  for (const e of ['pointerdown', 'keydown', 'wheel']) {
    addEventListener(e, () => { last = Date.now(); warned = false; }, { capture: true, passive: true });
  }
  setInterval(look, 5_000);
}
