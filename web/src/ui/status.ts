// What people say of themselves, in words.

import type { Status } from '../api/types';
import { until } from './format';

export const kinds: { kind: Status['kind']; words: string }[] = [
  { kind: 'clinic', words: 'In clinic' },
  { kind: 'theatre', words: 'In theatre' },
  { kind: 'round', words: 'On a ward round' },
  { kind: 'break', words: 'On a break' },
  { kind: 'busy', words: 'Busy' },
];

// statusLine is a status in one line, empty when there is none or it is over.
export function statusLine(s: Status | null | undefined, now: number): string {
  if (!s || (s.until > 0 && s.until <= now)) return '';
  const what = [kinds.find((k) => k.kind === s.kind)?.words ?? '', s.words].filter((w) => w !== '').join(': ');
  return what !== '' && s.until > 0 ? `${what}, until ${until(s.until, now)}` : what;
}
