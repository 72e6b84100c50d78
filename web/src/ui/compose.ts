// What a written message becomes on the wire: always a plain body, formatting beside it when there is any, and whom it names.

import type { Room } from '../mx/room';
import { blocks, html, mentionsIn, plain, type Named } from '../mx/rich';
import { part, text, type Json } from '../mx/types';

export interface NamedPost extends Named {
  post?: string; // a post's id: the server makes sure that its holder hears
}

export function namedIn(room: Room, picked: NamedPost[]): NamedPost[] {
  const list: NamedPost[] = room.members().map((m) => ({ name: m.name, user: m.id }));
  return [...picked, ...list];
}

// textContent is a message without its place. extra are further people to be named, such as whom it answers.
export function textContent(body: string, named: NamedPost[], extra: string[] = []): Json {
  const tree = blocks(body, named);
  const users = [...new Set([...mentionsIn(tree), ...extra])];
  const posts = named.filter((n) => n.post !== undefined && body.includes(`@${n.name}`)).map((n) => n.post);
  return {
    msgtype: 'm.text', body, ...(plain(tree) ? {} : { format: 'org.matrix.custom.html', formatted_body: html(tree) }),
    'm.mentions': users.length > 0 ? { user_ids: users } : {}, ...(posts.length > 0 ? { 'uk.wardline.mentions': { posts } } : {}),
  };
}

// place says where a message stands: in answer to another, in a thread, in both or in neither.
export function place(room: Room, replyTo: string, thread: string): Json {
  if (thread === '') return replyTo === '' ? {} : { 'm.relates_to': { 'm.in_reply_to': { event_id: replyTo } } };
  const latest = room.relations.threadOf(thread)?.last?.id ?? thread;
  const answers = replyTo !== '';
  return { 'm.relates_to': { rel_type: 'm.thread', event_id: thread, is_falling_back: !answers, 'm.in_reply_to': { event_id: answers ? replyTo : latest } } };
}

// change is the content that replaces an earlier message of one's own; older clients show it with a star.
export function change(target: string, content: Json, before: Json): Json {
  const had = part(before, 'm.mentions')?.['user_ids'];
  const old = Array.isArray(had) ? (had as string[]) : [];
  const now = (part(content, 'm.mentions')?.['user_ids'] as string[] | undefined) ?? [];
  const fresh = now.filter((u) => !old.includes(u));
  const outer: Json = { msgtype: content['msgtype'], body: `* ${text(content, 'body')}`, 'm.mentions': fresh.length > 0 ? { user_ids: fresh } : {} };
  if (content['formatted_body'] !== undefined) Object.assign(outer, { format: content['format'], formatted_body: `* ${text(content, 'formatted_body')}` });
  return { ...outer, 'm.new_content': content, 'm.relates_to': { rel_type: 'm.replace', event_id: target } };
}

// answered are the people whom an answer is for.
export function answered(room: Room, replyTo: string, me: string): string[] {
  const ev = replyTo === '' ? undefined : room.find(replyTo);
  return ev && ev.sender !== me ? [ev.sender] : [];
}

