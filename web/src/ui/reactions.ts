// The few reactions a ward needs, drawn as a mark and a word; on the wire they are the emoji that every other Matrix
// client shows. Anything else that arrives is shown as it came.

import { t } from '../words/words';

export interface Quick { key: string; icon: string; word: string }

export const quick: Quick[] = [
  { key: '👍', icon: 'thumb', word: t('Got it') },
  { key: '✅', icon: 'tick', word: t('Done') },
  { key: '👀', icon: 'eye', word: t('On it') },
  { key: '❤️', icon: 'heart', word: t('Thanks') },
];

export function quickOf(key: string): Quick | undefined {
  return quick.find((q) => q.key === key || q.key.replace('\uFE0F', '') === key.replace('\uFE0F', ''));
}
