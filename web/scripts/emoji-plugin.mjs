// The emoji of the picker as a module of our own: signs, English names and a few words to search by, without skin tones and
// without what only some fonts draw. The data is emojibase's (MIT), read when the app is built.

import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const name = 'virtual:emoji';

export function emoji() {
  return {
    name: 'wardline-emoji',
    resolveId: (id) => (id === name ? `\0${name}` : null),
    load(id) {
      if (id !== `\0${name}`) return null;
      const all = JSON.parse(readFileSync(createRequire(import.meta.url).resolve('emojibase-data/en/compact.json'), 'utf8'));
      const groups = [];
      for (const e of all) {
        if (e.group === undefined || e.group === 2) continue;
        const words = (e.tags ?? []).filter((t) => !e.label.includes(t)).slice(0, 3).join(' ');
        (groups[e.group] ??= []).push(`${e.unicode}|${e.label}|${words}`);
      }
      return `export const groups = ${JSON.stringify(Array.from(groups, (g) => g?.join('\n') ?? ''))};`;
    },
  };
}
