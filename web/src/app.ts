// Puts the parts together for a browser tab: the wire, the disk, the engine. Screens reach them through this module.

import { Clinical } from './api/clinical';
import { shared } from './device/shared';
import { HttpWire } from './mx/http';
import { Engine } from './store/engine';
import type { Env, Signal } from './store/env';
import { FallbackDisk } from './store/fallback';
import { IndexedDisk } from './store/indexed';
import { MemoryDisk } from './store/memory';

// On a shared computer, and on one that can keep nothing, each tab stands alone, because there is no disk between them. Only the end of the
// session is told to all, and that nothing is kept.
function browserEnv(alone: boolean): Env {
  const channel = new BroadcastChannel('wardline');
  const tab = crypto.randomUUID();
  let lost = false;
  const passes = (s: Signal): boolean => !alone || s.kind === 'out of here' || (lost && s.kind === 'open');
  return {
    tab,
    get conn() { return alone ? `web ${tab.slice(0, 8)}` : 'web'; },
    post: (s) => { if (passes(s)) channel.postMessage(s); },
    hear: (fn) => { channel.onmessage = (e: MessageEvent<Signal>) => { if (passes(e.data)) fn(e.data); }; },
    standAlone: () => {
      alone = lost = true;
      channel.postMessage({ kind: 'nothing kept' } satisfies Signal);
    },
    forget: (uri) => void forgetMedia(uri),
    lead: (fn) => {
      if (alone || !('locks' in navigator)) fn();
      else void navigator.locks.request('wardline-sync', () => { fn(); return new Promise(() => undefined); });
    },
    drawn: async () => { for (let i = 0; i < 2 && document.visibilityState === 'visible'; i++) await frame(); }, // what may be drawn a moment later comes in the second
    wait: (ms, fn) => {
      const t = setTimeout(fn, ms);
      return () => clearTimeout(t);
    },
    now: () => Date.now(),
    // What sends files is fetched when the first one goes.
    upload: async (file, keep, progress, signal) => (await import('./api/upload')).upload(file, keep, progress, signal),
    abandon: (slot) => void import('./api/upload').then((m) => m.abandon(slot), () => undefined), // the server forgets by itself within a day
  };
}

// frame answers when the next frame was drawn, and in any case soon.
function frame(): Promise<void> {
  return new Promise((ok) => {
    setTimeout(ok, 250);
    requestAnimationFrame(() => setTimeout(ok, 0));
  });
}

// mediaCache holds the photos that were looked at, for when there is no network. The service worker fills it while it exists.
export const mediaCache = 'wardline-media';

async function forgetMedia(uri: string): Promise<void> {
  const m = /^mxc:\/\/[^/]+\/([^/?#]+)$/.exec(uri);
  if (!m || !('caches' in globalThis) || !(await caches.has(mediaCache))) return;
  const cache = await caches.open(mediaCache);
  for (const r of await cache.keys()) if (new URL(r.url).pathname.endsWith(`/${m[1] ?? ''}`)) await cache.delete(r);
}

export const wire = new HttpWire();
export const clinic = new Clinical(wire);
const disk = shared() ? new MemoryDisk() : new FallbackDisk(new IndexedDisk(), new MemoryDisk(), async () => { await caches.delete(mediaCache); });
export const engine = new Engine(disk, wire, clinic, browserEnv(shared()));
if (disk instanceof FallbackDisk) disk.onLost = () => void engine.keepNothing();

// Who comes back to the page, and whose device's clock was set meanwhile, is not shown a countdown that is wrong.
wire.clock.onDoubt = () => { if (engine.me.user_id !== '') void engine.refreshPages().catch(() => undefined); };
document.addEventListener('visibilitychange', () => { if (document.visibilityState === 'visible') wire.clock.look(); });
