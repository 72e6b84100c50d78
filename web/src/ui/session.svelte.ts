// Who is signed in on this device, and the ways in and out.

import { clinic, engine, mediaCache, wire } from '../app';
import { computer, shared, startAnew } from '../device/shared';
import { WireError } from '../mx/http';
import type { Me } from '../api/types';
import { replace } from './route.svelte';
import { t } from '../words/words';

class Session {
  state = $state<'starting' | 'out' | 'in' | 'locked' | 'leaving'>('starting');
  me = $state<Me | null>(null);
  notice = $state('');
}

export const session = new Session();
export const lockedKey = 'wardline-locked';
const noticeKey = 'wardline-notice';
const owedKey = 'wardline-owed'; // the device whose session the server must yet end
const LOCKED = 'locked';
const PATIENCE = 8000; // ms that a sign-out waits for the server, and for the browser's push service
let leaving = false;

wire.onSignedOut = () => {
  if (session.state === 'in') void leave(t('You were signed out. What this device kept has been erased.'));
};

wire.onLocked = () => {
  if (session.state !== 'in') return;
  localStorage.setItem(lockedKey, '1');
  location.reload();
};

// begin shows what the device kept at once, and asks the server meanwhile whether the session still holds. nobody is called when nothing
// was kept.
export async function begin(nobody: () => void = () => undefined): Promise<void> {
  session.notice = sessionStorage.getItem(noticeKey) ?? '';
  sessionStorage.removeItem(noticeKey);
  const token = tokenInAddress();
  if (token !== '') {
    try {
      await owed();
      await enter(await clinic.signInWithToken(token));
      return;
    } catch (e) {
      session.notice = e instanceof WireError ? t('That sign-in link did not work: {message}', { message: e.message }) : t('That sign-in link did not work.');
    }
  }
  if (localStorage.getItem(lockedKey) === '1') {
    session.state = 'locked'; // nothing is read from the disk until the code was given
    return;
  }
  if (localStorage.getItem(owedKey) !== null) { // nothing is read from the disk either: it is erased first
    try {
      await owed();
    } catch {
      session.notice ||= t('No connection. Sign in once the network is back.');
      session.state = 'out';
      return;
    }
    return leave('');
  }
  const asked = clinic.session();
  const answered = asked.then(() => true, () => false);
  const kept = await engine.recall().catch(() => null);
  if (kept) await enter(kept);
  else void Promise.race([answered, new Promise<boolean>((ok) => { setTimeout(() => ok(false), 150); })]).then((known) => { if (!known) nobody(); });
  try {
    const me = await asked;
    if (session.state !== 'in' || kept?.user_id !== me.user_id || kept.device_id !== me.device_id) await enter(me);
    else session.me = me;
  } catch (e) {
    if (e instanceof WireError && e.status === 401) {
      if (e.errcode === 'M_USER_LOCKED') session.notice = e.message;
      else if (kept) return leave('');
      session.state = 'out';
    } else if (!kept) {
      session.notice = t('No connection. Sign in once the network is back.');
      session.state = 'out';
    }
  }
}

function tokenInAddress(): string {
  const m = /[#&?]\/?(?:sign-in\/|token=)([^&/]+)/.exec(location.hash) ?? /[?&]token=([^&]+)/.exec(location.search);
  if (!m) return '';
  replace('/'); // the route too, or the token would be taken for a conversation
  return decodeURIComponent(m[1] ?? '');
}

export async function signIn(user: string, password: string, code = ''): Promise<void> {
  await owed();
  await enter(await clinic.signIn(user, password, shared(), code));
}

export async function signInWithPasskey(proof: { session: string; credential: unknown }): Promise<void> {
  await owed();
  await enter(await clinic.signInWithPasskey(proof, shared()));
}

// unlocked goes on where the lock began.
export async function unlocked(): Promise<void> {
  localStorage.removeItem(lockedKey);
  session.state = 'starting';
  await begin();
}

async function enter(me: Me): Promise<void> {
  await engine.start(me);
  session.me = me;
  session.notice = '';
  session.state = 'in';
  if (!shared() && 'caches' in globalThis) await caches.open(mediaCache).catch(() => undefined);
  void import('../device/guard').then((m) => m.begin());
}

// signOut ends the session on the server and erases this device, in that order when it can, the second in any case.
export async function signOut(): Promise<void> {
  const kept = computer(); // the server has the browser clear everything
  localStorage.setItem(owedKey, session.me?.device_id ?? LOCKED); // first, because the app may be closed before there is an answer
  session.state = 'leaving'; // whatever else hears meanwhile that the session has ended leaves it to us
  const told = await clinic.signOut(AbortSignal.timeout(PATIENCE)).then(() => true, (e: unknown) => e instanceof WireError && e.status === 401);
  if (told) localStorage.removeItem(owedKey);
  engine.tellOthersGone();
  await leave(told ? '' : t('Signed out. The server is told when the network is back.'), kept);
}

// owed ends the session that a sign-out without a network left behind: the browser still holds its cookie, and whoever comes next must not
// be let in by it (hazard: H20). It rejects while the server cannot be told.
async function owed(): Promise<void> {
  const device = localStorage.getItem(owedKey);
  if (device === null) return;
  await engine.erase().catch(() => undefined); // or what waits on the disk would be sent as whoever signs in next
  const there = await clinic.session().then((me) => me.device_id, (e: unknown) => {
    if (e instanceof WireError && e.errcode === 'UK_WARDLINE_LOCKED') return LOCKED;
    if (e instanceof WireError && e.status === 401) return '';
    throw e;
  });
  if (there === device || there === LOCKED) await clinic.endSession();
  localStorage.removeItem(owedKey);
}

// leave erases the device and starts the page afresh, so that nothing of the person stays in memory either.
async function leave(notice: string, kept = computer()): Promise<void> {
  if (leaving) return;
  leaving = true;
  session.state = 'leaving'; // and shows no sign-in page yet: what was typed into it would go when the page starts anew
  session.me = null;
  if (notice !== '') sessionStorage.setItem(noticeKey, notice);
  for (const k of ['wardline-push', 'wardline-lock', lockedKey]) localStorage.removeItem(k);
  try {
    await engine.erase().catch(() => undefined);
    await Promise.race([forgetNotices().catch(() => undefined), new Promise((ok) => { setTimeout(ok, PATIENCE); })]); // a browser may want its push service for it
    for (const name of await caches.keys()) if (!name.startsWith('wardline-shell-')) await caches.delete(name);
  } finally {
    // Whatever stood in the way: a page that starts anew holds nothing in memory and asks the server who it is.
    startAnew(kept);
  }
}

// forgetNotices takes away what lies on the lock screen and what would still be told.
async function forgetNotices(): Promise<void> {
  const reg = await navigator.serviceWorker?.getRegistration();
  for (const n of (await reg?.getNotifications?.()) ?? []) n.close();
  await (await reg?.pushManager?.getSubscription())?.unsubscribe();
  await (navigator as Navigator & { clearAppBadge?: () => Promise<void> }).clearAppBadge?.();
}
