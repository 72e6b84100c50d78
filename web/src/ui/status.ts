// What people say of themselves, in words.

import type { Status } from '../api/types';
import { until } from './format';
import { t } from '../words/words';

export const kinds: { kind: Status['kind']; words: string }[] = [
  { kind: 'clinic', words: t('In clinic') },
  { kind: 'theatre', words: t('In theatre') },
  { kind: 'round', words: t('On a ward round') },
  { kind: 'break', words: t('On a break') },
  { kind: 'busy', words: t('Busy') },
  { kind: 'sterile', words: t('In a sterile procedure') },
  { kind: 'teaching', words: t('Teaching') },
  { kind: 'rest', words: t('On protected rest') },
];

// guarded says whether pages go to the next in line meanwhile.
export const guarded = (k: Status['kind']): boolean => k === 'sterile' || k === 'teaching' || k === 'rest';

// statusLine is a status in one line, empty when there is none or it is over.
export function statusLine(s: Status | null | undefined, now: number): string {
  if (!s || (s.until > 0 && s.until <= now)) return '';
  const what = [kinds.find((k) => k.kind === s.kind)?.words ?? '', s.words].filter((w) => w !== '').join(': ');
  return what !== '' && s.until > 0 ? t('{what}, until {until}', { what, until: until(s.until, now) }) : what;
}
