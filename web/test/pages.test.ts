import { describe, expect, it } from 'vitest';
import { PageBook, readPage } from '../src/store/pages';
import { cardSteps, stepNote, stepTitle } from '../src/ui/pages';

const json = (over: Record<string, unknown> = {}) => ({
  id: 'pg_1', event_id: '$e', room_id: '!r', seq: 1, urgency: 'urgent', post: { id: 'po', name: 'Registrar' }, patient: null,
  where: 'Ward 7', what: 'NEWS2 9', need: 'attend', callback: '', from: { user: '@ap:x', name: 'Asha', role: 'Nurse' }, raised_at: 5,
  status: 'open', current: { rung: 0, post: { id: 'po', name: 'Registrar' }, user: '@lh:x', name: 'Liam', since: 5, due_at: 50 },
  next: null, accepted: null, exhausted: false, steps: [{ kind: 'sent', at: 5, user: '@ap:x', name: 'Asha', post_name: '', note: '' }], ...over,
});
const page = (over: Record<string, unknown> = {}) => {
  const p = readPage(json(over));
  if (!p) throw new Error('not a page');
  return p;
};

describe('pages', () => {
  it('the highest seq wins, whichever way and order it comes', () => {
    const book = new PageBook();
    expect(book.take(page({ seq: 3, status: 'accepted' }))).toBe(true);
    expect(book.take(page({ seq: 2 }))).toBe(false);
    expect(book.take(page({ seq: 3 }))).toBe(false);
    expect(book.get('pg_1')?.status).toBe('accepted');
  });

  it('mine are open and with me now, emergencies first', () => {
    const book = new PageBook();
    book.take(page());
    book.take(page({ id: 'pg_2', urgency: 'emergency' }));
    book.take(page({ id: 'pg_3', status: 'withdrawn' }));
    expect(book.mine('@lh:x').map((p) => p.id)).toEqual(['pg_2', 'pg_1']);
    expect(book.mine('@go:x')).toEqual([]);
  });

  it('refuses what is not a snapshot', () => {
    expect(readPage({ id: 'pg_1' })).toBeUndefined();
    expect(readPage(undefined)).toBeUndefined();
    expect(page({ steps: [{ kind: 'invented', at: 1 }] }).steps).toEqual([]);
  });
});

describe('what became of telling somebody', () => {
  const step = (kind: string, note: string) => page({ steps: [{ kind, at: 65_000, user: '@lh:x', name: 'Liam', post_name: 'Registrar', note }] });
  const said = (kind: string, note: string, me = '@ap:x'): string[] => {
    const p = step(kind, note);
    const s = p.steps[0];
    if (!s) throw new Error('no step');
    return [stepTitle(p, s, me), stepNote(p, s)];
  };

  it('OK: push, each state in words of its own', () => {
    expect(said('taken', 'push')).toEqual(['Push accepted', 'The push service has it for Liam']);
    expect(said('tried', 'push: the push service does not answer, tried again')).toEqual(['Push tried', 'The push service does not answer, tried again']);
    expect(said('failed', 'push: the subscription has ended')).toEqual(['Push not delivered', 'The subscription has ended']);
    expect(said('failed', 'push: no device has notifications on')).toEqual(['Push not possible', 'No device has notifications on']);
    expect(said('arrived', 'text message')).toEqual(['Text message delivered', '']);
    expect(said('failed', 'text message: refused')).toEqual(['Text message not delivered', 'Refused']);
  });

  it('OK: a device by its kind, and a second one', () => {
    expect(said('reached', 'phone')).toEqual(['Reached Liam’s device', 'Phone']);
    expect(said('second', 'computer')).toEqual(['Reached a second device of Liam', 'Computer']);
    expect(said('second', '', '@lh:x')).toEqual(['Reached a second device of yours', '']);
    expect(cardSteps(step('failed', 'push: no device has notifications on'))[0]?.word).toBe('Not possible');
  });
});
