// The press that begins a shift. It is the gesture that browsers want before they let a page sound, ask, store and stay awake; each part
// says by itself whether it worked and what to do when it did not.

import { alarm } from '../ui/alarm.svelte';
import { shared } from './shared';
import { t } from '../words/words';

export interface Part { name: string; state: 'doing' | 'ok' | 'failed'; words: string }

class Shift {
  parts = $state<Part[]>([]);
  busy = $state(false);
}

export const shift = new Shift();
let lock: WakeLockSentinel | null = null;
let awake = false;

async function part(name: string, run: () => Promise<{ ok: boolean; words: string }>): Promise<void> {
  const at = shift.parts.push({ name, state: 'doing', words: '' }) - 1;
  const done = await run().catch(() => ({ ok: false, words: t('This device refused. Close the app, open it and try again.') }));
  const p = shift.parts[at];
  if (p) Object.assign(p, { state: done.ok ? 'ok' : 'failed', words: done.words });
}

async function ask(): Promise<{ ok: boolean; words: string }> {
  if (!('Notification' in globalThis)) return { ok: false, words: t('This browser has no notifications. Keep the app open to be reached.') };
  const answer = await Notification.requestPermission();
  if (answer === 'granted') return { ok: true, words: t('Allowed.') };
  return { ok: false, words: t('Not allowed, so you are reached only while the app is open. Press the lock or the slider beside the address, allow notifications, and press Start shift again.') };
}

async function pushed(): Promise<{ ok: boolean; words: string }> {
  const push = await import('./push');
  if (!('Notification' in globalThis) || Notification.permission !== 'granted') return { ok: false, words: t('Waits for the permission above.') };
  const made = await push.subscribe(true);
  if (!made.ok) return made;
  const told = await push.trial();
  return told.ok ? { ok: true, words: t('A trial notice was sent to this device. It should show within seconds.') } : told;
}

async function stored(): Promise<{ ok: boolean; words: string }> {
  if (shared()) return { ok: true, words: t('A shared computer keeps nothing.') };
  if (await navigator.storage?.persist?.()) return { ok: true, words: t('The browser will not clear it by itself.') };
  return { ok: false, words: t('The browser may clear it when space runs out. Nothing is lost: it is fetched again.') };
}

async function hold(): Promise<{ ok: boolean; words: string }> {
  if (!('wakeLock' in navigator)) return { ok: false, words: t('This browser lets the screen sleep. Set the device not to lock while it lies on the desk.') };
  try {
    lock = await navigator.wakeLock.request('screen');
    awake = true;
    return { ok: true, words: t('The screen stays on while the app is open.') };
  } catch {
    return { ok: false, words: t('The device refuses, perhaps because it saves power. Charge it, or let it ring by notification.') };
  }
}

// A hidden page loses its lock; it is taken again when the person comes back.
document.addEventListener('visibilitychange', () => {
  if (awake && document.visibilityState === 'visible' && (lock === null || lock.released)) void hold();
});

export async function startShift(): Promise<void> {
  if (shift.busy) return;
  shift.busy = true;
  shift.parts = [];
  await part(t('Alarm sound'), async () => {
    const on = await alarm.unlock();
    if (!on) return { ok: false, words: t('The browser refuses to sound. Turn the volume up and press again.') };
    alarm.trial();
    return { ok: true, words: t('You should hear it now. If not, turn the volume up and the silent switch off.') };
  });
  await part(t('Notifications'), ask);
  await part(t('While the app is closed'), pushed);
  await part(t('What this device keeps'), stored);
  await part(t('Screen'), hold);
  shift.busy = false;
}

// endShift lets the screen sleep again.
export function endShift(): void {
  awake = false;
  void lock?.release();
  lock = null;
  shift.parts = [];
}
