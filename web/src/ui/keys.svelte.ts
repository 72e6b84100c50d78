// Keys that work everywhere. All need a modifier, so that nobody is surprised while typing (WCAG 2.1.4).

import { flushSync } from 'svelte';
import { engine } from '../app';
import { go, router, to } from './route.svelte';

const key = 'wardline-single-keys';

class Keys {
  help = $state(false);
  single = $state(localStorage.getItem(key) !== 'off'); // a letter alone may do something; the person can switch it off (WCAG 2.1.4)

  useSingle(on: boolean): void {
    this.single = on;
    if (on) localStorage.removeItem(key);
    else localStorage.setItem(key, 'off');
  }
}

export const keys = new Keys();

function writing(e: KeyboardEvent): boolean {
  return e.target instanceof Element && e.target.closest('input, textarea, select, [contenteditable], dialog') !== null;
}

export function startShortcuts(): () => void {
  const press = (e: KeyboardEvent): void => {
    if (document.querySelector('.alarm') !== null) return;
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      find();
    }
    if (((e.ctrlKey || e.metaKey) && e.key === '/') || (e.key === '?' && keys.single && !writing(e))) {
      e.preventDefault();
      keys.help = true;
    }
    if (e.altKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) {
      e.preventDefault();
      nextUnread(e.key === 'ArrowDown' ? 1 : -1);
    }
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

// find puts the cursor into the search before the next key arrives: a timer here lost the first letters of whoever types fast.
function find(): void {
  const field = (): HTMLInputElement | null => document.querySelector('#find');
  if (!field()?.checkVisibility()) {
    go(to('chats'));
    flushSync();
  }
  field()?.focus();
  field()?.select();
}

function nextUnread(step: 1 | -1): void {
  const rooms = engine.sorted();
  const at = rooms.findIndex((r) => r.id === router.now.id);
  for (let i = 1; i <= rooms.length; i++) {
    const room = rooms[(at + step * i + rooms.length * 2) % rooms.length];
    if (room && room.unread > 0 && !engine.marks.muted.has(room.id) && !room.tags.includes('m.lowpriority')) {
      go(to('chats', room.id));
      return;
    }
  }
}
