// What an event is to the person who reads the conversation.

import { isVoice } from './media';
import { isPoll, pollOf } from './poll';
import { part, text } from './types';
import type { Json, MatrixEvent } from './types';
import { t } from '../words/words';

export type Kind = 'say' | 'page' | 'call' | 'note' | 'deleted' | 'hidden';

const notes = ['m.room.member', 'm.room.name', 'm.room.topic', 'm.room.pinned_events', 'm.room.power_levels'];

// kindOf sorts an event. Steps of a page, decisions, filings, reactions and edits are drawn on what they speak about.
export function kindOf(ev: MatrixEvent, deleted: boolean): Kind {
  if (ev.type === 'm.room.message') return messageKind(ev, deleted);
  if (ev.type === 'm.room.encrypted') return 'say';
  if (isPoll(ev) && isEdit(ev.content)) return 'hidden';
  if (ev.type === 'm.sticker' || isPoll(ev)) return deleted || ev.unsigned?.redacted_because !== undefined ? 'deleted' : 'say';
  if (ev.state_key === undefined) return 'hidden';
  return notes.includes(ev.type) ? 'note' : 'hidden';
}

// threadOf is the root of the thread that a message is in, empty for what stands in the conversation itself.
export function threadOf(ev: MatrixEvent): string {
  const relates = part(ev.content, 'm.relates_to');
  return text(relates, 'rel_type') === 'm.thread' ? text(relates, 'event_id') : '';
}

// isEdit is true for what replaces an earlier message.
export function isEdit(content: Json): boolean {
  return text(part(content, 'm.relates_to'), 'rel_type') === 'm.replace';
}

function messageKind(ev: MatrixEvent, deleted: boolean): Kind {
  if (deleted || ev.unsigned?.redacted_because !== undefined) return 'deleted';
  const c = ev.content;
  if (part(c, 'uk.wardline.page.step') || part(c, 'uk.wardline.emergency.step') || part(c, 'uk.wardline.filing') || part(c, 'uk.wardline.decision') || part(c, 'uk.wardline.ask.step')) return 'hidden';
  if (part(c, 'uk.wardline.page')) return 'page';
  if (part(c, 'uk.wardline.emergency')) return 'call';
  if (isEdit(c)) return 'hidden';
  return text(c, 'body') === '' && text(c, 'msgtype') === '' ? 'deleted' : 'say';
}

// preview is one line of an event for a list of conversations.
export function preview(ev: MatrixEvent): string {
  const msgtype = text(ev.content, 'msgtype');
  if (ev.type === 'm.room.encrypted') return t('Encrypted message');
  if (isPoll(ev)) return t('Poll: {question}', { question: pollOf(ev.content)?.question ?? '' });
  if (msgtype === 'm.image') return t('Photo');
  if (msgtype === 'm.file') return text(ev.content, 'filename') || text(ev.content, 'body', 'File');
  if (msgtype === 'm.audio') return isVoice(ev.content) ? t('Voice note') : text(ev.content, 'filename') || text(ev.content, 'body', 'Sound');
  if (msgtype === 'm.video') return t('Video');
  const page = part(ev.content, 'uk.wardline.page');
  if (page) {
    const to = text(part(page, 'post'), 'name');
    return text(page, 'urgency') === 'emergency' ? t('Emergency page to {to}', { to }) : t('Urgent page to {to}', { to });
  }
  const ask = part(ev.content, 'uk.wardline.ask');
  if (ask) return `${askWord(text(ask, 'kind'))}: ${text(ask, 'text')}`.replace(/\s+/g, ' ').slice(0, 160);
  return bare(plainBody(ev.content).slice(0, 400)).replace(/\s+/g, ' ').slice(0, 160);
}

// The marks that mx/text.ts reads, said again here because the list of conversations comes before what draws messages.
const marks = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|(?<![\p{L}\p{N}_])_([^_\s][^_\n]*)_(?![\p{L}\p{N}_])/gu;

// bare is what somebody wrote without the marks that make it bold, italic or code: one line shows no formatting.
function bare(body: string): string {
  return body.replace(marks, (_, code: string | undefined, ...kids: (string | undefined)[]) => code ?? bare(kids[0] ?? kids[1] ?? kids[2] ?? ''));
}

// askWord names a kind of message with a promise.
export function askWord(kind: string): string {
  return { question: t('Question'), request: t('Request'), fyi: 'FYI' }[kind] ?? t('Message');
}

// plainBody is what somebody wrote, without the lines that stand before it for other clients.
export function plainBody(c: Json): string {
  const body = stripReply(text(c, 'body'));
  if (!part(c, 'uk.wardline.forwarded')) return body;
  const end = body.indexOf('\n');
  return body.startsWith('Forwarded from ') ? (end < 0 ? '' : body.slice(end + 1)) : body;
}

// stripReply drops the quoted lines that older clients put before a reply's own words.
export function stripReply(body: string): string {
  if (!body.startsWith('> ')) return body;
  const lines = body.split('\n');
  let i = 0;
  while (i < lines.length && lines[i]?.startsWith('> ')) i++;
  if (lines[i] === '') i++;
  const rest = lines.slice(i).join('\n');
  return rest === '' ? body : rest;
}

// noteWords is the sentence for a membership or name change; empty when it is not worth a line.
export function noteWords(ev: MatrixEvent, nameOf: (user: string) => string, service: string): string {
  if (ev.state_key === service && ev.type === 'm.room.member') return '';
  const who = nameOf(ev.sender);
  if (ev.type !== 'm.room.member') return stateWords(ev, who, nameOf, service);
  const user = ev.state_key ?? '';
  const name = text(ev.content, 'displayname') || nameOf(user);
  switch (text(ev.content, 'membership')) {
    case 'join':
      if (text(ev.unsigned?.prev_content, 'membership') === 'join') return renamed(ev, name);
      return user === ev.sender ? t('{name} joined', { name }) : t('{who} added {name}', { who, name });
    case 'invite':
      return ev.sender === service ? '' : t('{who} invited {name}', { who, name });
    case 'leave':
      return user === ev.sender || ev.sender === service ? t('{name} left', { name }) : t('{who} removed {name}', { who, name: nameOf(user) });
    case 'ban':
      return t('{who} removed {name}', { who, name: nameOf(user) });
    default:
      return '';
  }
}

// joinedAlone is the name of somebody who came by themselves, empty for every other event.
export function joinedAlone(ev: MatrixEvent, nameOf: (user: string) => string): string {
  const alone = ev.type === 'm.room.member' && ev.state_key === ev.sender && text(ev.content, 'membership') === 'join' && text(ev.unsigned?.prev_content, 'membership') !== 'join';
  return alone ? text(ev.content, 'displayname') || nameOf(ev.sender) : '';
}

// renamed is a line only for a new name: a new photo is seen by itself.
function renamed(ev: MatrixEvent, name: string): string {
  const before = text(ev.unsigned?.prev_content, 'displayname');
  return before === '' || before === name ? '' : t('{before} is now called {name}', { before, name });
}

function stateWords(ev: MatrixEvent, who: string, nameOf: (user: string) => string, service: string): string {
  const before = ev.unsigned?.prev_content;
  switch (ev.type) {
    case 'm.room.name': {
      const name = text(ev.content, 'name');
      return name === '' || ev.sender === service ? '' : t('{who} named the group {name}', { who, name });
    }
    case 'm.room.topic':
      return text(ev.content, 'topic') === '' ? t('{who} removed the description', { who }) : t('{who} wrote the description: {topic}', { who, topic: text(ev.content, 'topic').slice(0, 120) });
    case 'm.room.pinned_events': {
      const [now, was] = [ev.content['pinned'], before?.['pinned']].map((l) => (Array.isArray(l) ? l.length : 0));
      return (now ?? 0) >= (was ?? 0) ? t('{who} pinned a message', { who }) : t('{who} unpinned a message', { who });
    }
    default:
      return before ? roleWords(part(before, 'users') ?? {}, part(ev.content, 'users') ?? {}, nameOf) : '';
  }
}

// roleOf names a power level.
export function roleOf(level: number): 'owner' | 'admin' | 'member' {
  return level >= 75 ? 'owner' : level >= 50 ? 'admin' : 'member';
}

function roleWords(was: Json, now: Json, nameOf: (user: string) => string): string {
  const level = (c: Json, user: string): number => (typeof c[user] === 'number' ? (c[user] as number) : 0);
  const changed = [...new Set([...Object.keys(was), ...Object.keys(now)])].filter((u) => roleOf(level(was, u)) !== roleOf(level(now, u)));
  return changed.map((u) => {
    const role = roleOf(level(now, u));
    return role === 'member' ? t('{name} is now a member', { name: nameOf(u) }) : role === 'owner' ? t('{name} is now an owner', { name: nameOf(u) }) : t('{name} is now an admin', { name: nameOf(u) });
  }).join(', ');
}
