// A shared ward computer keeps nothing on disk, and forgets everything when somebody leaves it. The choice belongs to the computer.

const key = 'wardline-shared';

export function shared(): boolean {
  return localStorage.getItem(key) === '1';
}

export function setShared(on: boolean): void {
  if (on) localStorage.setItem(key, '1');
  else localStorage.removeItem(key);
}
