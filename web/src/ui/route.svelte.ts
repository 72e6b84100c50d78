// Addresses hold ids only, never a name or a number: they end up in histories and logs.

export interface Route {
  area: 'chats' | 'pages' | 'patients' | 'work' | 'more' | 'new' | 'starred' | 'join' | 'asks';
  id: string;
  sub: string;
  arg: string;
  query: URLSearchParams;
}

const areas: readonly string[] = ['chats', 'pages', 'patients', 'work', 'more', 'new', 'starred', 'join', 'asks'];

function parse(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#\/?/, '').split('?');
  const parts = path.split('/').map(decode);
  const area = areas.includes(parts[0] ?? '') ? (parts[0] as Route['area']) : 'chats';
  return { area, id: parts[1] ?? '', sub: parts[2] ?? '', arg: parts[3] ?? '', query: new URLSearchParams(query) };
}

function decode(s: string): string {
  try {
    return decodeURIComponent(s);
  } catch {
    return '';
  }
}

class Router {
  now = $state<Route>(parse(location.hash));
  depth = 0;
  private at = location.hash;

  constructor() {
    addEventListener('hashchange', () => this.follow());
  }

  // follow shows what the address says. Our own steps do it at once: the browser's event comes a task later, after keys already pressed.
  follow(): void {
    if (this.at === location.hash) return;
    this.at = location.hash;
    this.now = parse(this.at);
  }
}

export const router = new Router();

export function to(area: Route['area'], ...parts: string[]): string {
  return ['#', area, ...parts.map(encodeURIComponent)].join('/');
}

export function go(href: string): void {
  if (location.hash === href) return;
  router.depth++;
  location.hash = href;
  router.follow();
}

// replace changes the address without a step in the history.
export function replace(href: string): void {
  history.replaceState(null, '', href);
  router.follow();
}

// back goes where the person came from, or to the given place when the app was opened here.
export function back(fallback: string): void {
  if (router.depth > 0) {
    router.depth--;
    history.back();
  } else {
    replace(fallback);
  }
}
