// A finger that draws a message to the right answers it, as in every messenger. The message's menu does the same for everybody else.

const FROM = 12; // px before it is a swipe and no tap or scroll
const ENOUGH = 56; // px after which letting go answers
const EDGE = 28; // px at the screen's side that belong to the browser's own way back

// What is drawn sideways itself keeps its finger.
const own = 'input, textarea, pre, audio, video, [role=slider], .wave';

// swipeReply calls onreply with the event id of a message that was drawn far enough. A message that did not go out cannot be answered.
export function swipeReply(node: HTMLElement, onreply: (event: string) => void): { update(f: (event: string) => void): void; destroy(): void } {
  let say: HTMLElement | null = null;
  let x = 0;
  let y = 0;
  let far = 0;
  let drawn = false;

  function start(e: TouchEvent): void {
    const at = e.touches[0];
    reset();
    if (!at || e.touches.length !== 1 || at.clientX < EDGE || !(e.target instanceof Element) || e.target.closest(own)) return;
    const found = e.target.closest<HTMLElement>('article.say');
    if (!found?.dataset['event'] || !['sent', 'seen'].includes(found.dataset['state'] ?? '') || found.querySelector('.is-deleted')) return;
    say = found;
    x = at.clientX;
    y = at.clientY;
  }

  function move(e: TouchEvent): void {
    const at = e.touches[0];
    if (!say || !at) return;
    far = at.clientX - x;
    if (!drawn) {
      if (Math.abs(at.clientY - y) > FROM || far < -FROM) reset();
      if (far < FROM) return;
      drawn = true;
    }
    say?.style.setProperty('translate', `${Math.max(0, Math.min(far - FROM, ENOUGH + 8))}px`);
    say?.toggleAttribute('data-answer', far >= ENOUGH + FROM);
  }

  function end(): void {
    const event = drawn && far >= ENOUGH + FROM ? say?.dataset['event'] : undefined;
    reset();
    if (event) onreply(event);
  }

  function reset(): void {
    say?.style.removeProperty('translate');
    say?.removeAttribute('data-answer');
    say = null;
    drawn = false;
    far = 0;
  }

  node.addEventListener('touchstart', start, { passive: true });
  node.addEventListener('touchmove', move, { passive: true });
  node.addEventListener('touchend', end, { passive: true });
  node.addEventListener('touchcancel', reset, { passive: true });
  return {
    update(f) { onreply = f; },
    destroy() {
      node.removeEventListener('touchstart', start);
      node.removeEventListener('touchmove', move);
      node.removeEventListener('touchend', end);
      node.removeEventListener('touchcancel', reset);
    },
  };
}
