// Day and night: the person's choice, or the system's. Kept on the device, because a theme says nothing about anyone.

export type Theme = 'auto' | 'day' | 'night';

const key = 'wardline-theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

export function theme(): Theme {
  const t = localStorage.getItem(key);
  return t === 'day' || t === 'night' ? t : 'auto';
}

export function setTheme(t: Theme): void {
  if (t === 'auto') localStorage.removeItem(key);
  else localStorage.setItem(key, t);
  paint();
}

export function paint(): void {
  const t = theme();
  document.documentElement.dataset['theme'] = t === 'auto' ? (dark.matches ? 'night' : 'day') : t;
}

dark.addEventListener('change', paint);
