// What belongs to the computer and not to who is signed in: whether it is shared, and how it looks and speaks. A shared ward computer keeps
// nothing on disk, and forgets everything when somebody leaves it, except that it is shared.

const key = 'wardline-shared';
const choices = [key, 'wardline-theme', 'wardline-text', 'wardline-language'];

// The end of a session has the browser clear all it keeps for this site, and what the page writes in that moment may be lost with it. So
// the choices go over the start of the page in the history's state, which nothing clears, and are put back before anything reads them.
const carried = (history.state as { choices?: Record<string, string> } | null)?.choices;
if (carried) {
  for (const k of choices) if (typeof carried[k] === 'string') localStorage.setItem(k, carried[k]);
  history.replaceState(null, '', location.href);
}

const began = read(); // the app is built for the one or the other from its first line

function read(): Record<string, string> {
  return Object.fromEntries(choices.map((k) => [k, localStorage.getItem(k)]).filter((x): x is [string, string] => x[1] !== null));
}

export function shared(): boolean {
  return began[key] === '1';
}

// setShared counts from the next start of the page.
export function setShared(on: boolean): void {
  if (on) localStorage.setItem(key, '1');
  else localStorage.removeItem(key);
}

// computer is what outlives a session. It says nothing of anyone. Another tab may have had everything cleared before this one knows of it.
export function computer(): Record<string, string> {
  const now = read();
  return Object.keys(now).length > 0 ? now : began;
}

// startAnew starts the page at the app's front with nothing in memory but the computer's choices.
export function startAnew(kept: Record<string, string>): void {
  history.replaceState({ choices: kept }, '', '/');
  location.reload();
}
