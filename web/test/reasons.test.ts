import { afterEach, describe, expect, it } from 'vitest';
import { readPage } from '../src/store/pages';
import { stepNote } from '../src/ui/pages';
import { because, reached } from '../src/ui/reasons';
import cy from '../src/words/cy.json';
import { speak, type Catalogue } from '../src/words/words';

afterEach(() => speak('en'));

const passed = (note: string, why?: unknown) => readPage({
  id: 'pg_1', seq: 2, urgency: 'urgent', post: { id: 'po', name: 'Registrar' }, current: { rung: 1, post: { id: 'po2', name: 'SHO 1' } }, from: { user: '@ap:x', name: 'Asha' },
  steps: [{ kind: 'passed', at: 5, user: '@go:x', name: 'Grace', post_name: 'SHO 1', note, ...(why === undefined ? {} : { why }) }],
});
function note(n: string, why?: unknown): string {
  const p = passed(n, why);
  const s = p?.steps[0];
  if (!p || !s) throw new Error('no step');
  return stepNote(p, s);
}

describe('what the server says for reasons of its own', () => {
  it('OK: is said in the reader’s language, and a person’s words stay theirs', () => {
    expect(note('Liam is in a sterile procedure', { code: 'sterile', name: 'Liam' })).toBe('SHO 1 · Liam is in a sterile procedure');
    expect(note('no answer', { code: 'no_answer' })).toBe('SHO 1 · No answer');
    speak('cy', cy as Catalogue);
    expect(note('Liam is in a sterile procedure', { code: 'sterile', name: 'Liam' })).toBe('SHO 1 · Mae Liam mewn triniaeth ddi-haint');
    expect(note('no answer', { code: 'no_answer' })).toBe('SHO 1 · Dim ateb');
    expect(note('no answer')).toBe('SHO 1 · “no answer”');
    expect(because({ code: 'moved', name: 'Ruth Cole' }, 'was with Ruth Cole')).toBe('roedd gyda Ruth Cole');
    expect(because({ code: 'rest', name: '' }, 'is on protected rest')).toBe('ar orffwys gwarchodedig');
  });

  it('OK: a code that this app does not know shows the sentence', () => {
    speak('cy', cy as Catalogue);
    expect(because({ code: 'eclipse', name: 'Liam' }, 'Liam watches the eclipse')).toBe('Liam watches the eclipse');
    expect(because(undefined, 'Gone home')).toBe('Gone home');
    expect(reached({ via: 'drum', detail: 'drummed for', code: 'drummed' })).toBe('drummed for');
    expect(reached({ via: 'drum', detail: 'drum at once', code: 'after' })).toBe('drum at once');
  });

  it('OK: a way says how long and how many in the reader’s language', () => {
    expect(reached({ via: 'app', detail: '', code: 'seen', ms: 125_000 })).toBe('last open 2 min ago');
    expect(reached({ via: 'push', detail: '', code: 'devices', n: 1 })).toBe('a device will be notified');
    expect(reached({ via: 'sms', detail: '', code: 'after' })).toBe('text message at once');
    expect(reached({ via: 'pager', detail: '', code: 'after', ms: 60_000 })).toBe('pager after 1 min');
    speak('cy', cy as Catalogue);
    expect(reached({ via: 'app', detail: '', code: 'seen', ms: 7_200_000 })).toBe('ar agor ddiwethaf 2 awr yn ôl');
    expect(reached({ via: 'push', detail: '', code: 'devices', n: 2 })).toBe('rhoddir gwybod i 2 ddyfais');
  });
});
