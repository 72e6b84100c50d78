// What lies on the lock screen follows what is true: a notice of something read, here or elsewhere, goes; the number on the icon is the
// number of unread conversations; pressing a notice opens its place.

import { engine } from '../app';
import { go } from '../ui/route.svelte';

interface Kept { room?: unknown; page?: unknown; reminder?: unknown; test?: unknown }

function stale(data: unknown): boolean {
  const d = (typeof data === 'object' && data !== null ? data : {}) as Kept;
  if (typeof d.page === 'string' && d.page !== '') {
    return engine.synced && !engine.pages.mine(engine.me.user_id).some((p) => p.id === d.page);
  }
  if (typeof d.reminder === 'string' && d.reminder !== '') return engine.synced && !engine.marks.reminders.some((r) => r.event === d.reminder);
  if (typeof d.test === 'string' && d.test !== '') return engine.synced && !engine.marks.tests.some((x) => x.run === d.test);
  if (typeof d.room !== 'string' || d.room === '') return false;
  const room = engine.rooms.get(d.room);
  return room !== undefined && engine.synced && room.membership === 'join' && room.unread === 0;
}

async function tidy(): Promise<void> {
  const badge = navigator as Navigator & { setAppBadge?: (n: number) => Promise<void>; clearAppBadge?: () => Promise<void> };
  const n = engine.marks.unreadTotal();
  if (n > 0) await badge.setAppBadge?.(n).catch(() => undefined);
  else await badge.clearAppBadge?.().catch(() => undefined);
  const reg = await navigator.serviceWorker?.getRegistration();
  const look = async (): Promise<void> => { for (const shown of (await reg?.getNotifications?.()) ?? []) if (stale(shown.data)) shown.close(); };
  await ('locks' in navigator ? navigator.locks.request('wardline-notices', look) : look()); // not while the worker shows one (sw/sw.ts)
}

let again: ReturnType<typeof setTimeout> | null = null;

function soon(): void {
  again ??= setTimeout(() => { again = null; void tidy(); }, 400);
}

let began = false;

// begin is called once a person is signed in.
export function begin(): void {
  if (began) return;
  began = true;
  for (const t of ['rooms', 'pages', 'reminders', 'tests']) engine.topics.on(t, soon);
  soon();
  navigator.serviceWorker?.addEventListener('message', (e: MessageEvent<unknown>) => {
    const m = (typeof e.data === 'object' && e.data !== null ? e.data : {}) as { kind?: unknown; to?: unknown };
    if (m.kind === 'open' && typeof m.to === 'string' && m.to.startsWith('#/')) go(m.to);
    if (m.kind === 'subscribe') void refresh(true);
  });
  void refresh(false);
}

async function refresh(again: boolean): Promise<void> {
  if (!('Notification' in globalThis) || Notification.permission !== 'granted' || localStorage.getItem('wardline-push') === null) return; // never turned on here
  const push = await import('./push');
  await push.subscribe(again);
}
