// The lock: after some idle minutes, or once the app was out of sight, everything in memory goes and the code is asked for. The server
// keeps the device shut, so a screen that was got round shows nothing. Not while a page rings: that must be answered at once.

import { engine, wire } from '../app';
import { lockedKey } from '../ui/session.svelte';

const key = 'wardline-lock';
const HIDDEN = 20_000; // choosing a file or taking a photo hides the app for a moment
const DRAIN = 4_000;

export interface Rule { code: boolean; minutes: number; hide: boolean }

export function rule(): Rule {
  try {
    const r = JSON.parse(localStorage.getItem(key) ?? '{}') as Partial<Rule>;
    return { code: r.code === true, minutes: typeof r.minutes === 'number' ? r.minutes : 5, hide: r.hide === true };
  } catch {
    return { code: false, minutes: 5, hide: false };
  }
}

export function setRule(r: Rule): void {
  localStorage.setItem(key, JSON.stringify(r));
  arm();
}

let last = Date.now();
let hiddenAt = 0;
let timer: ReturnType<typeof setTimeout> | null = null;
let locking = false;
let watching = false;

function ringing(): boolean {
  return engine.pages.mine(engine.me.user_id).length > 0;
}

function due(now: number): number {
  const r = rule();
  if (!r.code) return Infinity;
  const idle = r.minutes > 0 ? last + r.minutes * 60_000 - now : Infinity;
  return Math.min(idle, r.hide && hiddenAt > 0 ? hiddenAt + HIDDEN - now : Infinity);
}

function arm(): void {
  if (timer) clearTimeout(timer);
  timer = null;
  if (!watching) return;
  const left = due(Date.now());
  if (left === Infinity) return;
  if (left <= 0 && !ringing()) {
    void lockNow();
    return;
  }
  timer = setTimeout(arm, Math.max(1000, Math.min(left, 60_000)));
}

// A machine that slept wakes with old timers, so the clock is asked before the touch counts.
function touched(): void {
  if (due(Date.now()) <= 0) arm();
  else last = Date.now();
}

export function watch(): void {
  watching = true;
  last = Date.now();
  for (const e of ['pointerdown', 'keydown', 'wheel']) addEventListener(e, touched, { capture: true, passive: true });
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'hidden') hiddenAt = Date.now();
    else {
      touched();
      hiddenAt = 0;
    }
    arm();
  });
  // Another tab was locked or opened.
  addEventListener('storage', (e) => { if (e.key === lockedKey) location.reload(); });
  arm();
}

// drained waits a little for what is just being sent.
function drained(): Promise<void> {
  return new Promise((resolve) => {
    const stop = engine.topics.on('rooms', () => { if (engine.outbox.waiting() === 0) done(); });
    const t = setTimeout(() => done(), DRAIN);
    function done(): void {
      stop();
      clearTimeout(t);
      resolve();
    }
    if (engine.outbox.waiting() === 0) done();
  });
}

// lockNow shuts the device and starts the page anew, which empties its memory.
export async function lockNow(): Promise<void> {
  if (locking || !rule().code) return;
  locking = true;
  document.documentElement.dataset['shut'] = '1';
  await drained();
  localStorage.setItem(lockedKey, '1');
  await wire.call('POST', '/_wardline/v1/lock', {}).catch(() => undefined); // without a network the screen alone is shut, until the code
  location.reload();
}

export interface LockState { code: boolean; locked: boolean; passkeys: boolean; pages: { urgent: number; emergency: number } }

export function lockState(): Promise<LockState> {
  return wire.call('GET', '/_wardline/v1/lock');
}

export async function open(code: string): Promise<void> {
  await wire.call('POST', '/_wardline/v1/lock/open', { code });
}

// openWith opens the lock for whoever has proved by a passkey that the device is theirs.
export async function openWith(passkey: { session: string; credential: unknown }): Promise<void> {
  await wire.call('POST', '/_wardline/v1/lock/open', { passkey });
}

export async function setCode(old: string, code: string): Promise<void> {
  await wire.call('PUT', '/_wardline/v1/lock/code', { old, code });
  setRule({ ...rule(), code: true });
}

export async function removeCode(code: string): Promise<void> {
  await wire.call('POST', '/_wardline/v1/lock/code/remove', { code });
  setRule({ ...rule(), code: false });
}

