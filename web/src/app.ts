// Puts the parts together for a browser tab: the wire, the disk, the engine. Screens reach them through this module.

import { Clinical } from './api/clinical';
import { upload } from './api/upload';
import { HttpWire } from './mx/http';
import { Engine } from './store/engine';
import type { Env, Signal } from './store/env';
import { IndexedDisk } from './store/indexed';
import { MemoryDisk } from './store/memory';

function browserEnv(): Env {
  const channel = new BroadcastChannel('wardline');
  return {
    tab: crypto.randomUUID(),
    post: (s) => channel.postMessage(s),
    hear: (fn) => { channel.onmessage = (e: MessageEvent<Signal>) => fn(e.data); },
    lead: (fn) => {
      if (!('locks' in navigator)) fn();
      else void navigator.locks.request('wardline-sync', () => { fn(); return new Promise(() => undefined); });
    },
    wait: (ms, fn) => {
      const t = setTimeout(fn, ms);
      return () => clearTimeout(t);
    },
    now: () => Date.now(),
    upload: (item, progress) =>
      item.media ? upload(item.media.blob, item.media.name, progress) : Promise.reject(new Error('nothing to upload')),
  };
}

export const wire = new HttpWire();
export const clinic = new Clinical(wire);
export const engine = new Engine('indexedDB' in globalThis ? new IndexedDisk() : new MemoryDisk(), wire, clinic, browserEnv());
