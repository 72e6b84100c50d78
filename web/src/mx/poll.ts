// Polls as MSC3381 has them, in the stable names that are written here and the older ones that some clients still send.

import { number, part, text } from './types';
import type { Json, MatrixEvent } from './types';

export interface Poll {
  question: string;
  answers: { id: string; words: string }[];
  most: number; // how many answers one person may choose
  open: boolean; // votes are shown before the end
}

export function isPoll(ev: MatrixEvent): boolean {
  return ev.type === 'm.poll.start' || ev.type === 'org.matrix.msc3381.poll.start';
}

// words reads text that may be written as m.text (a list or a string) or as the older name, or as a plain body.
export function words(c: Json | undefined): string {
  if (!c) return '';
  for (const key of ['m.text', 'org.matrix.msc1767.text']) {
    const v = c[key];
    if (typeof v === 'string') return v;
    if (Array.isArray(v)) {
      const plain = v.find((p: unknown) => typeof p === 'object' && p !== null && ['text/plain', undefined].includes((p as Json)['mimetype'] as string | undefined)) as Json | undefined;
      if (plain) return text(plain, 'body');
    }
  }
  return text(c, 'body');
}

export function pollOf(c: Json): Poll | null {
  const p = part(c, 'm.poll') ?? part(c, 'm.poll.start') ?? part(c, 'org.matrix.msc3381.poll.start');
  if (!p) return null;
  const list = Array.isArray(p['answers']) ? (p['answers'] as unknown[]) : [];
  const answers = list.slice(0, 20).map((a) => (typeof a === 'object' && a !== null ? (a as Json) : {}))
    .map((a) => ({ id: text(a, 'm.id') || text(a, 'id'), words: words(a) })).filter((a) => a.id !== '' && a.words !== '');
  const question = words(part(p, 'question'));
  if (question === '' || answers.length === 0) return null;
  const kind = text(p, 'kind');
  return { question, answers, most: Math.max(1, number(p, 'max_selections', 1)), open: !kind.endsWith('undisclosed') };
}

// newPoll is the content of a poll, with words that any other client shows.
export function newPoll(question: string, answers: string[], most: number, open: boolean, ids = answers.map((_, i) => `a${i + 1}`)): Json {
  const list = answers.map((a, i) => ({ 'm.id': ids[i], 'm.text': [{ body: a }] }));
  const fallback = `Poll: ${question}\n${answers.map((a, i) => `${i + 1}. ${a}`).join('\n')}`;
  return {
    msgtype: 'm.text', body: fallback, 'm.text': [{ body: fallback }],
    'm.poll': { kind: open ? 'm.disclosed' : 'm.undisclosed', max_selections: most, question: { 'm.text': [{ body: question }] }, answers: list },
    // Clients that know the older names only:
    'org.matrix.msc1767.text': fallback,
    'org.matrix.msc3381.poll.start': {
      kind: open ? 'org.matrix.msc3381.poll.disclosed' : 'org.matrix.msc3381.poll.undisclosed', max_selections: most,
      question: { 'org.matrix.msc1767.text': question }, answers: answers.map((a, i) => ({ id: ids[i], 'org.matrix.msc1767.text': a })),
    },
  };
}

// changedPoll is the content that replaces a poll nobody has voted in yet. An answer whose words stay keeps its id; one that is new gets a
// new id, so that a vote that is on its way for other words counts for nothing.
export function changedPoll(target: string, was: Poll, question: string, answers: string[], most: number, open: boolean): Json {
  const taken = new Set(was.answers.map((a) => a.id));
  let n = 0;
  const fresh = (): string => {
    do n++; while (taken.has(`a${n}`));
    taken.add(`a${n}`);
    return `a${n}`;
  };
  const ids = answers.map((a) => was.answers.find((old) => old.words === a)?.id ?? fresh());
  const content = newPoll(question, answers, most, open, ids);
  const body = `* ${text(content, 'body')}`;
  return { msgtype: 'm.text', body, 'm.text': [{ body }], 'org.matrix.msc1767.text': body, 'm.new_content': content, 'm.relates_to': { rel_type: 'm.replace', event_id: target } };
}

export function newVote(poll: string, answers: string[]): Json {
  return { 'm.relates_to': { rel_type: 'm.reference', event_id: poll }, 'm.selections': answers, 'org.matrix.msc3381.poll.response': { answers } };
}

export function endPoll(poll: string, outcome: string): Json {
  return { 'm.relates_to': { rel_type: 'm.reference', event_id: poll }, 'm.text': [{ body: outcome }], 'm.poll.results': {}, msgtype: 'm.notice', body: outcome, 'org.matrix.msc1767.text': outcome, 'org.matrix.msc3381.poll.end': {} };
}
