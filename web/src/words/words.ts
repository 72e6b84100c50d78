// The app's words in the reader's language. A key is the English sentence itself, so that a screen can be read without a second file, and
// so that a sentence nobody has translated is still a sentence. The other language is a file that comes only to those who chose it.
//
//   t('Sent to {name}', { name })                      a sentence with something in it
//   many(n, '{n} person', '{n} people')                a sentence that turns on a number, in as many forms as the language has
//   t('Open|state')                                    what stands behind the bar tells two uses of a word apart and is not shown
//
// The words are there before anything else of the app runs (the last lines), so that tables made when a file is loaded may hold them too.
// Whoever changes the language therefore opens the app anew.

export type Language = 'en' | 'cy';
export type Choice = Language | 'auto';
export type Fill = Record<string, string | number>;
export type Forms = Partial<Record<'zero' | 'one' | 'two' | 'few' | 'many' | 'other', string>>;
export type Catalogue = Record<string, string | Forms>;

const kept = 'wardline-language';
let current: Language = 'en';
let words = new Map<string, string | Forms>();
let rules: Intl.PluralRules | null | undefined;

// language is what the screens speak now.
export function language(): Language {
  return current;
}

// choice is what the person asked for on this device; "auto" is as the browser is set.
export function choice(): Choice {
  const c = globalThis.localStorage?.getItem(kept);
  return c === 'en' || c === 'cy' ? c : 'auto';
}

// wanted is the language that the choice leads to. A browser that names Welsh before English gets Welsh.
export function wanted(): Language {
  const c = choice();
  if (c !== 'auto') return c;
  const first = (globalThis.navigator?.languages ?? []).map((l) => l.slice(0, 2).toLowerCase()).find((l) => l === 'en' || l === 'cy');
  return first === 'cy' ? 'cy' : 'en';
}

// choose keeps the choice on this device. It is no secret and says nothing about anybody's patients, so it outlives the session.
export function choose(c: Choice): void {
  if (c === 'auto') globalThis.localStorage?.removeItem(kept);
  else globalThis.localStorage?.setItem(kept, c);
}

// speak takes a language's words into use. English needs none.
export function speak(l: Language, catalogue: Catalogue = {}): void {
  current = l;
  words = new Map(Object.entries(catalogue));
}

// asked is the catalogue of a language, or nothing when it does not come: then the app speaks English, which is better than not at all.
async function asked(): Promise<Catalogue | undefined> {
  const late = new Promise<undefined>((ok) => setTimeout(() => ok(undefined), 5000));
  return Promise.race([import('./cy.json').then((m) => m.default as Catalogue, () => undefined), late]);
}

// t is a sentence in the reader's language. Whatever stands in braces is filled in.
export function t(key: string, fill?: Fill): string {
  const own = words.get(key);
  return put(typeof own === 'string' ? own : plain(key), fill);
}

// many is a sentence that turns on a number, which may stand in it as {n}.
export function many(n: number, one: string, other: string, fill?: Fill): string {
  const own = words.get(other);
  const form = typeof own === 'object' ? (own[category(current, n)] ?? own.other) : undefined;
  return put(form ?? plain(n === 1 ? one : other), { n, ...fill });
}

// told is a sentence that came from the server, which speaks English. What nobody has translated is shown as it came.
export function told(sentence: string): string {
  const own = words.get(sentence);
  return typeof own === 'string' ? own : sentence;
}

// english is a sentence that leaves this device: it stays as it is, because others read it, and is shown to its writer by told().
export function english(sentence: string): string {
  return sentence;
}

// category is the form a number takes. Browsers without Welsh rules get them from here: CLDR's, which end at six.
export function category(l: Language, n: number): keyof Forms {
  rules ??= Intl.PluralRules.supportedLocalesOf([l]).length > 0 ? new Intl.PluralRules(l) : null;
  if (rules?.resolvedOptions().locale.startsWith(l)) return rules.select(n);
  return ({ 0: 'zero', 1: 'one', 2: 'two', 3: 'few', 6: 'many' } as Record<number, keyof Forms>)[n] ?? 'other';
}

function plain(key: string): string {
  const bar = key.indexOf('|');
  return bar < 0 ? key : key.slice(0, bar);
}

function put(sentence: string, fill?: Fill): string {
  return fill ? sentence.replace(/\{(\w+)\}/g, (whole, name: string) => (name in fill ? String(fill[name]) : whole)) : sentence;
}

if (wanted() === 'cy') {
  const catalogue = await asked();
  if (catalogue) speak('cy', catalogue);
}
if (typeof document !== 'undefined') document.documentElement.lang = current;
