// The service worker: the app's own files, so that it opens without a network. It never keeps an API answer or a
// photo: those are the store's business or nobody's. A new version waits until the person agrees (the page sends
// "take over"), because a reload in the middle of a page or a draft would be worse than an old button.

/// <reference lib="webworker" />

declare const __SHELL__: string[];
declare const __VERSION__: string;

interface Lifecycle extends Event { waitUntil(p: Promise<unknown>): void }
interface Fetching extends Event { request: Request; respondWith(p: Promise<Response>): void }
interface Clicked extends Lifecycle { notification: { close(): void } }
interface WindowClient { focus(): Promise<unknown>; url: string }

interface Scope extends EventTarget {
  location: { origin: string };
  skipWaiting(): Promise<void>;
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

async function serve(request: Request, path: string): Promise<Response> {
  const cache = await caches.open(cacheName);
  return (await cache.match(path)) ?? fetch(request);
}

async function toWindow(): Promise<void> {
  const open = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (open[0]) await open[0].focus();
  else await scope.clients.openWindow('/');
}

scope.addEventListener('install', (e) => (e as Lifecycle).waitUntil(install()));
scope.addEventListener('activate', (e) => (e as Lifecycle).waitUntil(activate()));
scope.addEventListener('fetch', (e) => {
  const event = e as Fetching;
  const path = shellPath(event.request);
  if (path !== '') event.respondWith(serve(event.request, path));
});
scope.addEventListener('message', (e) => {
  if ((e as MessageEvent<unknown>).data === 'take over') void scope.skipWaiting();
});
scope.addEventListener('notificationclick', (e) => {
  const event = e as Clicked;
  event.notification.close();
  event.waitUntil(toWindow());
});

export {};
