// follow keeps a screen up to date that no sync tells of changes. It asks at once, then some time after each answer; not at all while
// nobody can see the page, and at once when somebody comes back to it, so that nobody reads what was true an hour ago. It returns what
// ends it, so that an effect may return it.

type Looked = Pick<Document, 'visibilityState' | 'addEventListener' | 'removeEventListener'>;

const patience = 20_000; // after so long without an answer it asks again: a request over bad Wi-Fi may never end

export function follow(ask: () => Promise<unknown>, every: number, page: Looked = document): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let newest = 0;
  function turn(): void {
    clearTimeout(timer);
    if (page.visibilityState !== 'visible') return;
    const mine = ++newest;
    const later = (ms: number): void => {
      if (mine !== newest) return;
      clearTimeout(timer);
      if (page.visibilityState === 'visible') timer = setTimeout(turn, ms);
    };
    const again = (): void => later(every);
    later(Math.max(every, patience));
    void ask().then(again, again);
  }
  page.addEventListener('visibilitychange', turn);
  turn();
  return () => {
    newest++;
    clearTimeout(timer);
    page.removeEventListener('visibilitychange', turn);
  };
}
