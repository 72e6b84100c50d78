import { describe, expect, it } from 'vitest';
import { kindOf, noteWords, preview, stripReply } from '../src/mx/kinds';
import { pieces } from '../src/mx/text';
import { initials, short } from '../src/ui/format';
import { message } from './helpers';

const kinds = (s: string, names: string[] = []) => pieces(s, (n) => names.includes(n)).map((p) => (p.kind === 'break' ? '/' : `${p.kind}:${p.text}`)).join('|');

describe('the words of a message', () => {
  it('are text, whatever they look like', () => {
    expect(kinds('<img src=x onerror=alert(1)>')).toBe('text:<img src=x onerror=alert(1)>');
    expect(kinds('[x](javascript:alert(1))')).toBe('text:[x](javascript:alert(1))');
  });

  it('know bold, italic, code, links and lines', () => {
    expect(kinds('a **b** *c* `d`\ne')).toBe('text:a |strong:b|text: |em:c|text: |code:d|/|text:e');
    expect(kinds('see https://x.example/a?b=1, then')).toBe('text:see |link:https://x.example/a?b=1|text:, then');
  });

  it('leave doses and sums alone', () => {
    expect(kinds('2 * 3 * 4 and BP_sys_low')).toBe('text:2 * 3 * 4 and BP_sys_low');
  });

  it('mark a mention only of somebody who is here', () => {
    expect(kinds('@Grace Obi can you', ['Grace Obi'])).toBe('mention:@Grace Obi|text: can you');
    expect(kinds('@Nobody Here', ['Grace Obi'])).toBe('text:@Nobody Here');
  });

  it('OK: one line of a message shows no marks, and leaves what is no mark', () => {
    const line = (body: string): string => preview(message('$1', body));
    expect(line('Give **5 mg _slowly_** and `flush`')).toBe('Give 5 mg slowly and flush');
    expect(line('2 * 3 * 4 and BP_sys_low')).toBe('2 * 3 * 4 and BP_sys_low');
  });

  it('OK: a face shows whole letters, also of names that begin with an emoji or have one word', () => {
    expect([initials('Asha Patel'), initials('😀 Bob'), initials('🫀'), initials('Dr Lucía Fernández'), initials('')]).toEqual(['AP', '😀B', '🫀', 'LF', '?']);
    expect([short('Ward 7 doctors'), short('🏥 Emergency'), short('قسم القلب')]).toEqual(['W7', 'EM', 'قا']);
  });

  it('drop the quoted lines of old replies', () => {
    expect(stripReply('> <@a:x> hi\n\nyes')).toBe('yes');
  });

  it('hide steps and edits, show pages and messages', () => {
    expect(kindOf(message('a', 'hi'), false)).toBe('say');
    expect(kindOf(message('a', 'hi'), true)).toBe('deleted');
    const page = message('p', 'Urgent page', '@a:x', { content: { msgtype: 'm.text', body: 'x', 'uk.wardline.page': { urgency: 'urgent', post: { name: 'Registrar' } } } });
    expect(kindOf(page, false)).toBe('page');
    expect(preview(page)).toBe('Urgent page to Registrar');
    const step = message('s', 'Accepted', '@a:x', { content: { ...page.content, 'uk.wardline.page.step': { kind: 'accepted' } } });
    expect(kindOf(step, false)).toBe('hidden');
  });
});

describe('a membership line', () => {
  const join = (name: string, before?: Record<string, unknown>) => ({ event_id: 'j', type: 'm.room.member', sender: '@ada:x', state_key: '@ada:x', origin_server_ts: 1, content: { membership: 'join', displayname: name }, ...(before ? { unsigned: { prev_content: before } } : {}) });
  const words = (ev: ReturnType<typeof join>) => noteWords(ev, () => 'Ada', '');

  it('is there for who comes and for a new name, not for a new photo', () => {
    expect(words(join('Ada'))).toBe('Ada joined');
    expect(words(join('Ada', { membership: 'leave' }))).toBe('Ada joined');
    expect(words(join('Ada', { membership: 'join', displayname: 'Ada', avatar_url: 'mxc://x/y' }))).toBe('');
    expect(words(join('Ada Lind', { membership: 'join', displayname: 'Ada' }))).toBe('Ada is now called Ada Lind');
  });
});
