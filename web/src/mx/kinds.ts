// What an event is to the person who reads the conversation.

import { part, text } from './types';
import type { MatrixEvent } from './types';

export type Kind = 'say' | 'page' | 'note' | 'deleted' | 'hidden';

// kindOf sorts an event. Steps of a page, decisions, filings, reactions and edits are drawn on what they speak about.
export function kindOf(ev: MatrixEvent, deleted: boolean): Kind {
  if (ev.type === 'm.room.message') return messageKind(ev, deleted);
  if (ev.type === 'm.room.encrypted') return 'say';
  if (ev.type === 'm.sticker') return deleted ? 'deleted' : 'say';
  if (ev.state_key === undefined) return 'hidden';
  if (ev.type === 'm.room.member' || ev.type === 'm.room.name') return 'note';
  return 'hidden';
}

function messageKind(ev: MatrixEvent, deleted: boolean): Kind {
  if (deleted || ev.unsigned?.redacted_because !== undefined) return 'deleted';
  const c = ev.content;
  if (part(c, 'uk.wardline.page.step') || part(c, 'uk.wardline.filing') || part(c, 'uk.wardline.decision')) return 'hidden';
  if (part(c, 'uk.wardline.page')) return 'page';
  if (text(part(c, 'm.relates_to'), 'rel_type') === 'm.replace') return 'hidden';
  return text(c, 'body') === '' && text(c, 'msgtype') === '' ? 'deleted' : 'say';
}

// preview is one line of an event for a list of conversations.
export function preview(ev: MatrixEvent): string {
  const msgtype = text(ev.content, 'msgtype');
  if (ev.type === 'm.room.encrypted') return 'Encrypted message';
  if (msgtype === 'm.image') return 'Photo';
  if (msgtype === 'm.file') return text(ev.content, 'body', 'File');
  if (msgtype === 'm.audio') return 'Voice note';
  if (msgtype === 'm.video') return 'Video';
  const page = part(ev.content, 'uk.wardline.page');
  if (page) {
    const to = text(part(page, 'post'), 'name');
    return `${text(page, 'urgency') === 'emergency' ? 'Emergency' : 'Urgent'} page to ${to}`;
  }
  return stripReply(text(ev.content, 'body')).replace(/\s+/g, ' ').slice(0, 160);
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
  if (ev.type === 'm.room.name') {
    const name = text(ev.content, 'name');
    return name === '' || ev.sender === service ? '' : `${who} named the group ${name}`;
  }
  const user = ev.state_key ?? '';
  const name = text(ev.content, 'displayname') || nameOf(user);
  switch (text(ev.content, 'membership')) {
    case 'join':
      return user === ev.sender ? `${name} joined` : `${who} added ${name}`;
    case 'invite':
      return ev.sender === service ? '' : `${who} invited ${name}`;
    case 'leave':
      return user === ev.sender || ev.sender === service ? `${name} left` : `${who} removed ${nameOf(user)}`;
    case 'ban':
      return `${who} removed ${nameOf(user)}`;
    default:
      return '';
  }
}
