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

export type Size = 'small' | 'usual' | 'large' | 'huge';
const sizeKey = 'wardline-text';

export function size(): Size {
  const s = localStorage.getItem(sizeKey);
  return s === 'small' || s === 'large' || s === 'huge' ? s : 'usual';
}

export function setSize(s: Size): void {
  if (s === 'usual') localStorage.removeItem(sizeKey);
  else localStorage.setItem(sizeKey, s);
  paint();
}

// Large letters on a small screen leave room for little else, and no media query sees the letters: the screens know it by this mark.
const times: Record<Size, number> = { small: 0.9, usual: 1, large: 1.25, huge: 1.5 };
const TIGHT = 300; // px of usual letters

export function paint(): void {
  document.documentElement.dataset['size'] = size();
  document.documentElement.toggleAttribute('data-tight', innerWidth < TIGHT * times[size()]);
  const t = theme();
  document.documentElement.dataset['theme'] = t === 'auto' ? (dark.matches ? 'night' : 'day') : t;
}

dark.addEventListener('change', paint);
addEventListener('resize', paint);
