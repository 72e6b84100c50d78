// This device's subscription to notices: made with the server's key, told to the server, ended with the session.

import { engine, wire } from '../app';
import { WireError } from '../mx/http';
import { t } from '../words/words';

const APP = 'uk.wardline.web';
const KIND = 'org.matrix.msc4174.webpush';
const kept = 'wardline-push';

export type PushState = 'on' | 'off' | 'refused' | 'impossible';

export interface Outcome { ok: boolean; words: string }

function bytes(base64url: string): Uint8Array<ArrayBuffer> {
  const s = atob(base64url.replaceAll('-', '+').replaceAll('_', '/'));
  return Uint8Array.from(s, (c) => c.charCodeAt(0));
}

function text(b: ArrayBuffer | null): string {
  if (!b) return '';
  return btoa(String.fromCharCode(...new Uint8Array(b))).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

export function possible(): boolean {
  return 'serviceWorker' in navigator && 'PushManager' in globalThis && 'Notification' in globalThis;
}

// needsHomeScreen is true on an iPhone or iPad that shows the app in the browser: there notices exist only for the app on the home screen.
export function needsHomeScreen(): boolean {
  const n = navigator as Navigator & { standalone?: boolean };
  return n.standalone === false && /iPhone|iPad|Macintosh/.test(n.userAgent);
}

async function worker(): Promise<ServiceWorkerRegistration | undefined> {
  return navigator.serviceWorker?.getRegistration();
}

export async function state(): Promise<PushState> {
  if (!possible()) return 'impossible';
  if (Notification.permission === 'denied') return 'refused';
  const sub = await (await worker())?.pushManager.getSubscription();
  return sub && localStorage.getItem(kept) === mark(sub.endpoint) ? 'on' : 'off';
}

function mark(endpoint: string): string {
  return `${engine.me.user_id} ${engine.me.device_id} ${endpoint}`;
}

async function serverKey(): Promise<string> {
  const r = await wire.call<{ capabilities?: Record<string, { vapid?: string } | undefined> }>('GET', '/_matrix/client/v3/capabilities');
  return r.capabilities?.[KIND]?.vapid ?? '';
}

function same(a: ArrayBuffer | null, b: Uint8Array): boolean {
  const x = new Uint8Array(a ?? new ArrayBuffer(0));
  return x.length === b.length && x.every((v, i) => v === b[i]);
}

// subscribe needs the permission already. It is quick when nothing has changed.
export async function subscribe(again = false): Promise<Outcome> {
  if (!possible()) return { ok: false, words: needsHomeScreen() ? t('Add Wardline to the Home Screen first: Share, then Add to Home Screen. Then open it from there.') : t('This browser cannot be told while the app is closed. Keep the app open, or use Chrome, Edge, Firefox or Safari.') };
  const reg = await worker();
  if (!reg) return { ok: false, words: t('The app is not fully installed yet. Reload it once and try again.') };
  try {
    let sub = await reg.pushManager.getSubscription();
    if (sub && !again && localStorage.getItem(kept) === mark(sub.endpoint)) return { ok: true, words: '' };
    const key = await serverKey();
    if (key === '') return { ok: false, words: t('This server does not send notifications. Keep the app open, and tell IT.') };
    const raw = bytes(key);
    if (sub && !same(sub.options.applicationServerKey, raw)) {
      await sub.unsubscribe();
      sub = null;
    }
    sub ??= await reg.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: raw });
    await wire.call('POST', '/_matrix/client/v3/pushers/set', {
      kind: KIND, app_id: APP, app_display_name: 'Wardline', device_display_name: 'Web app', lang: 'en', append: false,
      pushkey: text(sub.getKey('p256dh')), data: { endpoint: sub.endpoint, auth: text(sub.getKey('auth')) },
    });
    localStorage.setItem(kept, mark(sub.endpoint));
    return { ok: true, words: '' };
  } catch (e) {
    if (e instanceof WireError) return { ok: false, words: e.status === 0 ? t('No connection. Try again once the network is back.') : e.message };
    return { ok: false, words: t('The browser’s own push service did not answer. Hospital networks sometimes block it: keep the app open, and tell IT.') };
  }
}

// trial tells this device through its push service, all the way.
export async function trial(): Promise<Outcome> {
  try {
    await wire.call('POST', '/_wardline/v1/push/test', {});
    return { ok: true, words: '' };
  } catch (e) {
    return { ok: false, words: e instanceof WireError ? (e.status === 0 ? t('No connection. Try again once the network is back.') : e.message) : t('The trial could not be sent.') };
  }
}

// end takes the subscription away on this device and, when it can, on the server.
export async function end(): Promise<void> {
  localStorage.removeItem(kept);
  const reg = await worker();
  const sub = await reg?.pushManager.getSubscription();
  if (!sub) return;
  await wire.call('POST', '/_matrix/client/v3/pushers/set', { kind: null, app_id: APP, pushkey: text(sub.getKey('p256dh')) }).catch(() => undefined);
  await sub.unsubscribe().catch(() => false);
}
