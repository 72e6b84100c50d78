import { afterEach, describe, expect, it } from 'vitest';
import { cover, files, scan } from '../scripts/words.mjs';
import { category, english, language, many, speak, t, told } from '../src/words/words';

// Files that are not translated yet. The list only ever gets shorter: a new screen is written with t() from the start, or put through
// "node scripts/words.mjs wrap FILE".
const untranslated: string[] = [];

afterEach(() => speak('en'));

const holes = (s: string): string[] => [...new Set([...s.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? ''))].sort();

describe('the words of the screens', () => {
  it('OK: English needs no file, and what stands behind a bar is not shown', () => {
    expect(t('Sent by {name}', { name: 'Asha' })).toBe('Sent by Asha');
    expect(t('May|whole month')).toBe('May');
    expect(many(1, '{n} person', '{n} people')).toBe('1 person');
    expect(many(0, '{n} person', '{n} people')).toBe('0 people');
  });

  it('OK: another language is used where it has the sentence, and English where it has not', () => {
    speak('cy', { 'Sent by {name}': 'Anfonwyd gan {name}', '{n} days': { one: '{n} diwrnod', two: '{n} ddiwrnod', few: '{n} diwrnod', other: '{n} o ddiwrnodau' }, 'In theatre': 'Mewn theatr' });
    expect(language()).toBe('cy');
    expect(t('Sent by {name}', { name: 'Asha' })).toBe('Anfonwyd gan Asha');
    expect([1, 2, 3, 9].map((n) => many(n, '{n} day', '{n} days'))).toEqual(['1 diwrnod', '2 ddiwrnod', '3 diwrnod', '9 o ddiwrnodau']);
    expect(t('Nobody wrote this in Welsh')).toBe('Nobody wrote this in Welsh');
    expect(many(2, '{n} sheep', '{n} sheep')).toBe('2 sheep');
  });

  it('keep in English what others read, and show it in the reader’s words', () => {
    speak('cy', { 'In theatre': 'Mewn theatr' });
    expect(english('In theatre')).toBe('In theatre');
    expect(told('In theatre')).toBe('Mewn theatr');
    expect(told('A sentence of the server that nobody translated')).toBe('A sentence of the server that nobody translated');
  });

  it('never read what is filled in as a place to fill, nor a name as a word', () => {
    expect(t('Sent by {name}', { name: '{name} $& constructor' })).toBe('Sent by {name} $& constructor');
    speak('cy', {});
    expect(t('constructor')).toBe('constructor');
    expect(told('toString')).toBe('toString');
  });

  it('OK: Welsh numbers take six forms', () => {
    expect([0, 1, 2, 3, 4, 5, 6, 7, 20].map((n) => category('cy', n))).toEqual(['zero', 'one', 'two', 'few', 'other', 'other', 'many', 'other', 'other']);
  });

  it('all go through t(): no screen holds bare English', () => {
    const bare = files().filter((f: string) => !untranslated.includes(f)).flatMap((f: string) => scan(f).bare.map((b: { key: string }) => `${f}: ${b.key}`));
    expect(bare, 'put t() around these, or run: node scripts/words.mjs wrap FILE').toEqual([]);
  }, 120_000);

  it('are asked for by names that the Welsh file still knows, with the same places to fill', () => {
    const { keys, welsh, stale } = cover() as { keys: Map<string, { many: boolean }>; welsh: Record<string, string | Record<string, string>>; stale: string[] };
    expect(stale, 'no screen says these any more: take them out of cy.json').toEqual([]);
    for (const [key, own] of Object.entries(welsh)) {
      const forms = typeof own === 'string' ? [own] : Object.values(own);
      if (typeof own !== 'string') expect(own['other'], `${key} needs the form "other"`).toBeDefined();
      for (const f of forms) {
        expect(f.trim(), `${key} is empty`).not.toBe('');
        expect(holes(f).filter((h) => h !== 'n'), `${key}: ${f}`).toEqual(holes(key).filter((h) => h !== 'n'));
      }
      expect(keys.get(key)?.many ?? false, `${key} ${typeof own === 'string' ? 'turns on a number' : 'does not turn on a number'}`).toBe(typeof own !== 'string');
    }
  }, 120_000);
});
