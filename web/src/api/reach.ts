// Where somebody, or a post, is reached outside the app. Only they see it, and of a post whoever keeps its rota.

import { wire } from '../app';

export type WayName = 'voice' | 'sms' | 'pager' | 'email';
export interface WayTest { at: number; state: 'trying' | 'taken' | 'arrived' | 'failed'; why: string }
export interface WayTo { way: WayName; address: string; offered: boolean; test: WayTest | null }

interface Answer { ways: WayTo[] }

// base is whose numbers they are: a post's, or one's own for ''.
const base = (post: string): string => (post === '' ? '/_wardline/v1/me/reach' : `/_wardline/v1/posts/${encodeURIComponent(post)}/reach`);

export async function readWays(post = ''): Promise<WayTo[]> {
  return (await wire.call<Answer>('GET', base(post))).ways;
}

// setWay keeps a number or an address, '' for none any more.
export async function setWay(way: WayName, address: string, post = ''): Promise<WayTo[]> {
  return (await wire.call<Answer>('PUT', `${base(post)}/${way}`, { address })).ways;
}

// testWay sends a test there by its carrier; what came of it so far is in the answer.
export async function testWay(way: WayName, post = ''): Promise<WayTo[]> {
  return (await wire.call<Answer>('POST', `${base(post)}/${way}/test`, {})).ways;
}
