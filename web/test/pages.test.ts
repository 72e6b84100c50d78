import { describe, expect, it } from 'vitest';
import { PageBook, readPage } from '../src/store/pages';

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
