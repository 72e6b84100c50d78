// Most of the app comes when it is first needed: screens wait for it in {#await import(…)}, which asks once. Over a bad network the form for
// a page would then never come, and nothing would say so. Where a screen waits, this makes it ask again (src/ui/again.ts). The frame has
// words of its own for what does not come, and is left as it is.

const waits = /\(\) => (import\(\s*(?:"[^"]+"|'[^']+')\s*\))/g;

export function again() {
  return {
    name: 'wardline-again',
    transform(code, id) {
      if (!id.endsWith('.svelte') || id.endsWith('/App.svelte') || code.search(waits) < 0) return null;
      return { code: `import { again as __again } from "/src/ui/again.ts";\n${code.replace(waits, '() => __again(() => $1)')}`, map: null };
    },
  };
}
