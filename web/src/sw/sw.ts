// The service worker: the app's own files, so that it opens without a network. It never keeps an API answer: those are
// the store's business or nobody's. A new version waits until the person agrees (the page sends
// "take over"), because a reload in the middle of a page or a draft would be worse than an old button.

/// <reference lib="webworker" />

declare const __SHELL__: string[];
declare const __VERSION__: string;

interface Lifecycle extends Event { waitUntil(p: Promise<unknown>): void }
interface Fetching extends Lifecycle { request: Request; respondWith(p: Promise<Response>): void }
interface Told extends Lifecycle { data: { json(): unknown } | null }
interface Clicked extends Lifecycle { notification: { close(): void; data: unknown } }
interface WindowClient { focus(): Promise<unknown>; url: string; visibilityState: string; postMessage(m: unknown): void }

interface Scope extends EventTarget {
  location: { origin: string };
  skipWaiting(): Promise<void>;
  registration: ServiceWorkerRegistration;
  clients: { claim(): Promise<void>; matchAll(o: object): Promise<WindowClient[]>; openWindow(u: string): Promise<unknown> };
}

const scope = globalThis as unknown as Scope;
const prefix = 'wardline-shell-';
const cacheName = prefix + __VERSION__;
const shell = new Set(__SHELL__);

async function install(): Promise<void> {
  const cache = await caches.open(cacheName);
  await cache.addAll([...shell].map((path) => new Request(path, { cache: 'reload', credentials: 'same-origin' })));
}

async function activate(): Promise<void> {
  for (const name of await caches.keys()) {
    if (name.startsWith(prefix) && name !== cacheName) await caches.delete(name);
  }
  await scope.clients.claim();
}

function shellPath(request: Request): string {
  if (request.method !== 'GET') return '';
  const url = new URL(request.url);
  if (url.origin !== scope.location.origin) return '';
  if (url.pathname.startsWith('/_')) return '';
  if (request.mode === 'navigate') return '/';
  return shell.has(url.pathname) ? url.pathname : '';
}

// Photos that were looked at, and voice notes that were heard, stay for when there is no network, while the app has made the place for them: never on a shared computer,
// and gone with the session. What a name stands for never changes, so what is here is as good as new.
const media = 'wardline-media';
const mostMedia = 600;
const fewer = 40; // how many go at once

function isMedia(request: Request): boolean {
  return request.method === 'GET' && new URL(request.url).origin === scope.location.origin && /^\/_matrix\/client\/v1\/media\/(thumbnail|download)\//.test(new URL(request.url).pathname);
}

async function picture(event: Fetching): Promise<Response> {
  const { request } = event;
  if (request.headers.has('Range') || !(await caches.has(media))) return fetch(request);
  const cache = await caches.open(media);
  const here = await cache.match(request);
  if (here) return here;
  const answer = await fetch(request);
  const type = answer.headers.get('Content-Type') ?? '';
  if (answer.status === 200 && (type.startsWith('image/') || type.startsWith('audio/')) && Number(answer.headers.get('Content-Length') ?? '0') < 6_000_000) {
    event.waitUntil(keep(request, answer.clone()).catch(() => undefined)); // the picture does not wait for the disk
  }
  return answer;
}

async function keep(request: Request, answer: Response): Promise<void> {
  if (!(await caches.has(media))) return; // the session ended meanwhile
  const cache = await caches.open(media);
  await cache.put(request, answer);
  clearing = clearing.then(() => clearOld(cache)).catch(() => undefined);
  await clearing;
}

// One clears at a time, some at once: when each photo counted them all and cleared what it found, somebody who scrolled fast through
// thousands had hundreds more than there should be, and waited for it.
let clearing = Promise.resolve();
let sinceCount = fewer;

async function clearOld(cache: Cache): Promise<void> {
  if (++sinceCount < fewer) return;
  sinceCount = 0;
  const all = await cache.keys();
  await Promise.all(all.slice(0, Math.max(0, all.length - mostMedia + fewer)).map((old) => cache.delete(old)));
}

async function serve(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(path)) ?? fetch(request);
}

// What the server tells: ids and numbers. The words are made here, and are the same for everybody: a locked screen is read by
// whoever is near.
interface Notice { room_id?: string; event_id?: string; ref?: string; level?: number; unread?: number; silent?: boolean; member?: boolean; trial?: boolean; reminder?: boolean; check?: string }

function words(n: Notice): string {
  if (n.trial) return 'This is a trial: notifications work on this device.';
  if (n.reminder) return 'A message that you wanted to see again';
  if (n.level === 4) return 'Emergency page, open to read';
  if (n.level === 3) return 'Urgent page, open to read';
  if (n.member) return 'You were added to a conversation';
  return n.level === 2 ? 'A message for you' : 'New message';
}

// place is where a notice leads: ids only.
function place(n: Notice): string {
  if (n.level !== undefined && n.level >= 3) return '#/pages';
  if (!n.room_id) return '#/chats';
  const room = `#/chats/${encodeURIComponent(n.room_id)}`;
  return n.event_id && !n.member ? `${room}/at/${encodeURIComponent(n.event_id)}` : room;
}

// A browser that is asked what lies on the screen while something is put there forgets what was put there: pressing it would lead nowhere.
// So the app's look around and this wait for one another (device/notices.ts), but a notice does not wait for an app that was put to sleep.
const shelf = 'wardline-notices';
const patience = 500; // ms

// hazard: H1 a notice of a page is shown whatever else goes on.
async function show(options: NotificationOptions): Promise<void> {
  let begun = false;
  const put = (): Promise<void> => { begun = true; return scope.registration.showNotification('Wardline', options); };
  if (!('locks' in navigator)) return put();
  try {
    await navigator.locks.request(shelf, { signal: AbortSignal.timeout(patience) }, put);
  } catch (e) {
    if (begun) throw e;
    await put();
  }
}

// checked is a test page: this device has it. It is told in words of its own, and a page that lies on the screen stays.
async function checked(run: string): Promise<void> {
  const reached = fetch(`/_wardline/v1/tests/${encodeURIComponent(run)}/reached`, { method: 'POST', body: '{"way":"push"}', headers: { 'Content-Type': 'application/json' }, credentials: 'same-origin' }).catch(() => undefined);
  const open = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (!open.some((c) => c.visibilityState === 'visible')) {
    await show({ body: 'Test page: press Received', tag: `test:${run}`, icon: '/icon-192.png', badge: '/icon-192.png', data: { to: '#/chats', test: run }, renotify: true, vibrate: [120] } as NotificationOptions);
  }
  await reached;
}

async function told(n: Notice): Promise<void> {
  if (typeof n.check === 'string' && n.check !== '') return checked(n.check);
  const page = n.level !== undefined && n.level >= 3;
  const badge = navigator as unknown as { setAppBadge?: (n: number) => Promise<void> };
  if (n.unread !== undefined) await badge.setAppBadge?.(n.unread).catch(() => undefined);
  // hazard: what the sender is told is true: this device has the page, whether or not somebody looks.
  const reached = page && n.ref ? fetch(`/_wardline/v1/pages/${encodeURIComponent(n.ref)}/reached`, { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' }, credentials: 'same-origin' }).catch(() => undefined) : undefined;
  const open = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const looking = open.some((c) => c.visibilityState === 'visible');
  if (!looking || n.trial) {
    const options = {
      body: words(n), tag: n.trial ? 'trial' : page ? `page ${n.ref ?? ''}` : n.reminder ? `reminder ${n.event_id ?? ''}` : `room ${n.room_id ?? ''}`, icon: '/icon-192.png', badge: '/icon-192.png',
      data: { to: place(n), room: n.reminder ? '' : (n.room_id ?? ''), reminder: n.reminder ? (n.event_id ?? '') : '', page: page ? (n.ref ?? '') : '' }, requireInteraction: page,
      silent: n.silent === true && !page, renotify: (n.level ?? 1) >= 2, vibrate: page ? [300, 150, 300, 150, 300] : n.silent ? [] : [120],
    };
    await show(options as NotificationOptions);
  }
  await reached;
}

async function toWindow(data: unknown): Promise<void> {
  const to = typeof data === 'object' && data !== null ? (data as { to?: unknown }).to : undefined;
  const where = typeof to === 'string' && to.startsWith('#/') ? to : '';
  const open = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  const first = open.find((c) => c.visibilityState === 'visible') ?? open[0];
  if (!first) {
    await scope.clients.openWindow(`/${where}`);
    return;
  }
  await first.focus();
  if (where !== '') first.postMessage({ kind: 'open', to: where });
}

function read(e: Told): Notice {
  try {
    const v = e.data?.json();
    return typeof v === 'object' && v !== null ? (v as Notice) : {};
  } catch {
    return {};
  }
}

scope.addEventListener('install', (e) => (e as Lifecycle).waitUntil(install()));
scope.addEventListener('activate', (e) => (e as Lifecycle).waitUntil(activate()));
scope.addEventListener('fetch', (e) => {
  const event = e as Fetching;
  const path = shellPath(event.request);
  if (path !== '') event.respondWith(serve(event.request, path));
  else if (isMedia(event.request)) event.respondWith(picture(event));
});
scope.addEventListener('message', (e) => {
  if ((e as MessageEvent<unknown>).data === 'take over') void scope.skipWaiting();
});
scope.addEventListener('push', (e) => (e as Told).waitUntil(told(read(e as Told))));
// The browser has changed the subscription by itself: the app makes it known as soon as it is opened, or at once if it is.
scope.addEventListener('pushsubscriptionchange', (e) => (e as Lifecycle).waitUntil(
  scope.clients.matchAll({ type: 'window', includeUncontrolled: true }).then((all) => { for (const c of all) c.postMessage({ kind: 'subscribe' }); }),
));
scope.addEventListener('notificationclick', (e) => {
  const event = e as Clicked;
  event.notification.close();
  event.waitUntil(toWindow(event.notification.data));
});

export {};
