// A file that is dropped on the window would be opened in the app's place, and with it goes whatever was half written. So it is shown
// before it is sent where a conversation is open, and goes nowhere otherwise.

import { drops } from '../ui/drops';

const files = (e: DragEvent): boolean => e.dataTransfer?.types.includes('Files') ?? false;

export function watchDrops(): void {
  addEventListener('dragover', (e) => {
    if (!files(e) || !e.dataTransfer) return;
    e.preventDefault();
    e.dataTransfer.dropEffect = free() ? 'copy' : 'none';
  });
  addEventListener('drop', (e) => {
    if (!files(e)) return;
    e.preventDefault();
    const list = [...(e.dataTransfer?.files ?? [])];
    if (list.length > 0 && free()) drops.take?.(list);
  });
}

function free(): boolean {
  return drops.take !== null && document.querySelector('dialog[open], .alarm, [aria-modal=true]') === null;
}
