// Keys that work everywhere. All need a modifier, so that nobody is surprised while typing (WCAG 2.1.4).

import { engine } from '../app';
import { go, router, to } from './route.svelte';

export function startShortcuts(): () => void {
  const press = (e: KeyboardEvent): void => {
    if (document.querySelector('.alarm') !== null) return;
    if ((e.ctrlKey || e.metaKey) && e.key.toLowerCase() === 'k') {
      e.preventDefault();
      if (router.now.area !== 'chats') go(to('chats'));
      setTimeout(() => document.querySelector<HTMLInputElement>('#find')?.focus(), 0);
    }
    if (e.altKey && (e.key === 'ArrowUp' || e.key === 'ArrowDown')) {
      e.preventDefault();
      nextUnread(e.key === 'ArrowDown' ? 1 : -1);
    }
  };
  addEventListener('keydown', press);
  return () => removeEventListener('keydown', press);
}

function nextUnread(step: 1 | -1): void {
  const rooms = engine.sorted();
  const at = rooms.findIndex((r) => r.id === router.now.id);
  for (let i = 1; i <= rooms.length; i++) {
    const room = rooms[(at + step * i + rooms.length * 2) % rooms.length];
    if (room && room.unread > 0) {
      go(to('chats', room.id));
      return;
    }
  }
}
