// What watches over a signed-in device: notices, the lock, and the end of a shift on a shared computer. Loaded after the first paint.

import { watchDrops } from './drop';
import * as notices from './notices';
import { watch } from './lock.svelte';
import { shared } from './shared';

let began = false;

export function begin(): void {
  notices.begin();
  if (began) return;
  began = true;
  watch();
  watchDrops();
  if (shared()) void import('./ward').then((m) => m.watch());
}
