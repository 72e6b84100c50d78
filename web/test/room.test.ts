import { describe, expect, it } from 'vitest';
import { kindOf } from '../src/mx/kinds';
import { changedPoll, newPoll, pollOf } from '../src/mx/poll';
import { Room } from '../src/mx/room';
import { part } from '../src/mx/types';
import { deletion, ids, message, related } from './helpers';

const me = '@asha:x';
const events = (...names: string[]) => names.map((n) => message(n, n));

describe('a room merges what the server sends', () => {
  it('appends what is new and nothing twice', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('a', 'b'), prev_batch: 't1' }, me);
    r.apply({ timeline_events: events('b', 'c') }, me);
    expect(ids(r.lines)).toBe('a b c');
    expect(r.prev).toBe('t1');
  });

  it('puts the older part of an expanded timeline before, and takes its token', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('d'), prev_batch: 't4' }, me);
    const m = r.apply({ expanded_timeline: true, timeline_events: events('a', 'b', 'c', 'd'), prev_batch: 't1' }, me);
    expect(ids(r.lines)).toBe('a b c d');
    expect(r.prev).toBe('t1');
    expect(m.live).toHaveLength(0);
  });

  it('holds the older run beyond a gap until history closes it', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('a', 'b'), prev_batch: 't1' }, me);
    r.apply({ limited: true, timeline_events: events('f', 'g'), prev_batch: 't6' }, me);
    expect(ids(r.lines)).toBe('f g');
    r.prepend(events('e', 'd'), 't4');
    expect(ids(r.lines)).toBe('d e f g');
    r.prepend(events('c', 'b', 'a'), 't0');
    expect(ids(r.lines)).toBe('a b c d e f g');
    expect(r.prev).toBe('t1');
    expect(r.lines.map((l) => l.n)).toEqual([...r.lines.map((l) => l.n)].sort((x, y) => x - y));
  });

  it('gives up the oldest run when a second gap opens', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('a') }, me);
    r.apply({ limited: true, timeline_events: events('m') }, me);
    const merge = r.apply({ limited: true, timeline_events: events('z') }, me);
    expect(ids(merge.dropped)).toBe('a');
    expect(r.has('a')).toBe(false);
  });

  it('knows the start of the room', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('b'), prev_batch: 't' }, me);
    r.prepend([message('a', ''), { ...message('c', ''), type: 'm.room.create', state_key: '' }], 'more');
    expect(r.prev).toBeNull();
  });

  it('clears a name that an initial answer does not give', () => {
    const r = new Room('!r');
    r.apply({ initial: true, name: 'Ward 7', timeline_events: events('a') }, me);
    r.apply({ initial: true, timeline_events: events('a') }, me);
    expect(r.name).toBe('');
  });

  it('removes state when a stub comes', () => {
    const r = new Room('!r');
    const topic = { ...message('s', ''), type: 'm.room.topic', state_key: '', content: { topic: 'x' } };
    r.apply({ initial: true, required_state: [topic] }, me);
    r.apply({ required_state: [{ type: 'm.room.topic', state_key: '' }] }, me);
    expect(r.stateOf('m.room.topic')).toBeUndefined();
  });

  it('survives a row on disk', () => {
    const r = new Room('!r');
    r.apply({ initial: true, name: 'Ward 7', timeline_events: events('a', 'b'), prev_batch: 't1', notification_count: 2 }, me);
    r.apply({ limited: true, timeline_events: events('y', 'z'), prev_batch: 't9' }, me);
    const again = new Room('!r');
    again.fromRow(r.row());
    again.restore([...r.held, ...r.lines], r.row());
    expect(ids(again.lines)).toBe('y z');
    expect(ids(again.held)).toBe('a b');
    expect(again.prev).toBe('t9');
    expect(again.unread).toBe(2);
    expect(again.last?.id).toBe('z');
  });
});

describe('what later events say about earlier ones', () => {
  it('counts a reaction once a person and takes it back', () => {
    const r = new Room('!r');
    const like = related('r1', 'm.reaction', 'm.annotation', 'a', { key: '👍' });
    r.apply({ initial: true, timeline_events: [...events('a'), like, related('r2', 'm.reaction', 'm.annotation', 'a', { key: '👍' }, '@liam:x')] }, me);
    expect(r.relations.reactionsOf('a')[0]?.by.size).toBe(2);
    r.apply({ timeline_events: [deletion('d1', 'r1')] }, me);
    expect(r.relations.reactionsOf('a')[0]?.by.size).toBe(1);
  });

  it('shows an edit by the author and nobody else', () => {
    const r = new Room('!r');
    const edit = (id: string, sender: string, body: string) => related(id, 'm.room.message', 'm.replace', 'a', { 'm.new_content': { msgtype: 'm.text', body } }, sender);
    r.apply({ initial: true, timeline_events: [message('a', 'ten', '@tom:x'), edit('e1', '@tom:x', 'one')] }, me);
    const a = r.find('a');
    expect(a && r.relations.editOf(a)?.['body']).toBe('one');
    r.apply({ timeline_events: [edit('e2', '@eve:x', 'evil')] }, me);
    expect(a && r.relations.editOf(a)?.['body']).not.toBe('evil');
  });

  it('forgets the words of a deleted message', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('a') }, me);
    r.apply({ timeline_events: [deletion('d', 'a')] }, me);
    expect(r.blank('a', deletion('d', 'a'))?.ev.content).toEqual({});
    expect(r.relations.isDeleted('a')).toBe(true);
  });

  it('keeps filed over a late waiting', () => {
    const r = new Room('!r');
    const filing = (id: string, status: string, at: number) => related(id, 'uk.wardline.filing', 'm.reference', 'a', { 'uk.wardline.filing': { decision: 'd', status, at, record_id: 'DocumentReference/1' } });
    r.apply({ initial: true, timeline_events: [...events('a'), filing('f1', 'waiting', 1), filing('f2', 'filed', 2), filing('f3', 'waiting', 3)] }, me);
    expect(r.relations.filingOf('a')?.status).toBe('filed');
  });

  it('never moves a read mark back', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('a', 'b', 'c') }, me);
    r.takeReceipt('c', '@tom:x', 10);
    r.takeReceipt('a', '@tom:x', 20);
    expect(r.receipts.get('@tom:x')?.event).toBe('c');
  });

  it('keeps a thread unread that somebody has not opened, whatever they read beside it', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: events('a', 'b') }, me);
    r.takeThreadReceipt('b', '');
    const reply = (id: string) => related(id, 'm.room.message', 'm.thread', 'a', { msgtype: 'm.text', body: id });
    r.apply({ timeline_events: [reply('t1'), reply('t2'), ...events('c')] }, me);
    expect(r.unreadIn('a', me)).toBe(2);
    r.takeThreadReceipt('c', 'main');
    expect(r.unreadIn('a', me)).toBe(2);
    r.takeThreadReceipt('t1', 'a');
    expect(r.unreadIn('a', me)).toBe(1);
    r.takeThreadReceipt('c', '');
    expect(r.unreadIn('a', me)).toBe(0);
    expect(r.relations.threadOf('a')?.count).toBe(2);
  });
});

describe('a long conversation', () => {
  const many = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => message(`m${from + i}`, 'x'));

  it('forgets what is far back and asks for it again', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: many(0, 300), prev_batch: 't0' }, me);
    r.apply({ timeline_events: [related('r1', 'm.reaction', 'm.annotation', 'm299', { key: '👍' }), related('r2', 'm.reaction', 'm.annotation', 'm1', { key: '👍' })] }, me);
    const gone = r.trim(100);
    expect(gone).toHaveLength(202);
    expect(r.lines).toHaveLength(100);
    expect(r.prev).toBe('');
    expect(r.has('m0')).toBe(false);
    expect(r.relations.reactionsOf('m299')).toHaveLength(1);
    expect(r.relations.reactionsOf('m1')).toHaveLength(1); // its reaction is still at hand, and would not be told again
    expect(r.trim(100)).toEqual([]);
    r.prepend([...many(190, 202)].reverse(), 't190');
    expect(r.lines[0]?.ev.event_id).toBe('m190');
  });

  it('tells the disk only of what the disk has', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: many(50, 60), prev_batch: 't50' }, me);
    const from = r.row().from;
    r.prepend(many(40, 50).reverse(), 't40');
    expect([r.row().from, r.row().prev]).toEqual([from, '']);
    const again = new Room('!r');
    again.fromRow(r.row());
    again.restore(r.lines.filter((l) => l.n >= from), r.row());
    expect(ids(again.lines.slice(0, 1))).toBe('m50');
    expect(again.prev).toBe('');
    r.stored = null; // written after all
    expect([r.row().from, r.row().prev]).toEqual([r.lines[0]?.n, 't40']);
  });

  it('a gap leaves only what the disk has of the older run', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: many(50, 60), prev_batch: 't50' }, me);
    r.prepend(many(40, 50).reverse(), 't40');
    r.apply({ limited: true, timeline_events: many(90, 95), prev_batch: 't90' }, me);
    expect(ids(r.held.slice(0, 1))).toBe('m50');
    expect(r.heldPrev).toBe('');
    expect(r.has('m40')).toBe(false);
    expect(r.row().prev).toBe('t90');
  });
});

describe('what asks for nothing', () => {
  const told = (id: string, sender = '@tom:x', ts = 10) => ({ ...message(id, 'The lift is out'), sender, origin_server_ts: ts, content: { msgtype: 'm.notice', body: 'The lift is out', 'uk.wardline.kind': 'fyi' } });

  it('is a dot until it was looked at, and never a number', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: [{ ...message('a', 'x'), origin_server_ts: 5 }, told('b')] }, me);
    r.takeReceipt('a', me, 6);
    expect(r.quietlyNew(me)).toBe(true);
    expect(r.unread).toBe(0);
    r.takeReceipt('b', me, 11);
    expect(r.quietlyNew(me)).toBe(false);
  });

  it('is no dot for whoever said it, beside a number, or after a message that does ask', () => {
    const own = new Room('!r');
    own.apply({ initial: true, timeline_events: [told('b', me)] }, me);
    expect(own.quietlyNew(me)).toBe(false);
    const counted = new Room('!r');
    counted.apply({ initial: true, notification_count: 2, timeline_events: [told('b')] }, me);
    expect(counted.quietlyNew(me)).toBe(false);
    const later = new Room('!r');
    later.apply({ initial: true, timeline_events: [told('b'), message('c', 'x')] }, me);
    expect(later.quietlyNew(me)).toBe(false);
  });

  it('goes by time where only the newest message is at hand', () => {
    const r = new Room('!r');
    r.apply({ initial: true, timeline_events: [told('z', '@tom:x', 50)] }, me);
    r.takeReceipt('long ago', me, 40);
    expect(r.quietlyNew(me)).toBe(true);
    r.takeReceipt('another', me, 60);
    expect(r.quietlyNew(me)).toBe(false);
  });
});

describe('a poll that is changed', () => {
  it('keeps the ids of answers that stay and gives new ones to the rest', () => {
    const was = pollOf(newPoll('When?', ['Nine', 'Ten'], 1, true));
    if (!was) throw new Error('no poll');
    const c = changedPoll('$p', was, 'When then?', ['Ten', 'Eleven'], 1, true);
    const now = pollOf(part(c, 'm.new_content') ?? {});
    expect(now?.question).toBe('When then?');
    expect(now?.answers).toEqual([{ id: 'a2', words: 'Ten' }, { id: 'a3', words: 'Eleven' }]);
    expect(kindOf({ ...message('e', ''), type: 'm.poll.start', content: c }, false)).toBe('hidden');
  });
});
