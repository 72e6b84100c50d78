// Fetches a part of the app that a screen waits for, again and again while the network drops it. hazard: H1 the form for a page must come.

import { toast } from './toast.svelte';
import { t } from '../words/words';

const FIRST = 250;
const LONGEST = 4000;
const TRIES = 100; // some six minutes; after that it is not the network

export async function again<T>(load: () => Promise<T>, wait = (ms: number): Promise<void> => new Promise((ok) => { setTimeout(ok, ms); })): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await load();
    } catch (e) {
      if (tries === TRIES) throw e;
      if (tries === 3) {
        toast.say(t('Part of the app is still on its way: the network is bad. It comes by itself.'));
        void globalThis.navigator?.serviceWorker?.getRegistration().then((r) => r?.update()).catch(() => undefined); // or there is a newer app, which then offers itself
      }
      await wait(Math.min(LONGEST, FIRST * 2 ** (tries - 1)));
    }
  }
}
