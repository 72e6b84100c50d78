// Most of the app comes when it is first needed: screens wait for it in {#await import(…)}, which asks once. Over a bad network the form for
// a page would then never come, and nothing would say so. Where a screen waits, this makes it ask again (src/ui/again.ts). The frame has
// words of its own for what does not come, and is left as it is.

import MagicString from 'magic-string';

const waits = /\(\) => (import\(\s*(?:"[^"]+"|'[^']+')\s*\))/g;

export function again() {
  return {
    name: 'wardline-again',
    transform(code, id) {
      if (!id.endsWith('.svelte') || id.endsWith('/App.svelte')) return null;
      const out = new MagicString(code);
      for (const m of code.matchAll(waits)) out.overwrite(m.index, m.index + m[0].length, `() => __again(() => ${m[1]})`);
      if (!out.hasChanged()) return null;
      out.prepend('import { again as __again } from "/src/ui/again.ts";\n');
      return { code: out.toString(), map: out.generateMap({ hires: true }) };
    },
  };
}
