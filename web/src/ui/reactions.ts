// The few reactions a ward needs, drawn as a mark and a word; on the wire they are the emoji that every other Matrix
// client shows. Anything else that arrives is shown as it came.

export interface Quick { key: string; icon: string; word: string }

export const quick: Quick[] = [
  { key: '👍', icon: 'thumb', word: 'Got it' },
  { key: '✅', icon: 'tick', word: 'Done' },
  { key: '👀', icon: 'eye', word: 'On it' },
  { key: '❤️', icon: 'heart', word: 'Thanks' },
];

export function quickOf(key: string): Quick | undefined {
  return quick.find((q) => q.key === key || q.key.replace('\uFE0F', '') === key.replace('\uFE0F', ''));
}
