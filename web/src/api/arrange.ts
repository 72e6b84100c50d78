// What is arranged by who looks after the directory: posts, teams, who keeps which rota, and rotas that come from elsewhere.

import { wire } from '../app';
import type { Method } from '../mx/http';

const base = '/_wardline/v1';
const enc = encodeURIComponent;
const go = <T>(method: Method, path: string, body?: unknown): Promise<T> => wire.call(method, base + path, body);

export interface Post { id: string; name: string; service: string; aliases: string; place: string; critical: boolean; pageable: boolean; switchboard: boolean; closed: boolean; must: number; confirm: boolean; ladder?: string[] }
export interface Team { id: string; name: string; detail: string; members: string[] }
export interface Keeper { user: string; name: string; service: string }
export interface Arrangement { posts: Post[]; services: string[]; teams: Team[]; keepers: Keeper[]; admin: boolean }
export interface Trouble { where: string; why: string }
export interface Feed {
  id: string; name: string; kind: 'ical' | 'csv' | 'xml'; url: string; post: string; stale_ms: number; ok_at: number; tried_at: number; stale: boolean;
  report: FeedReport;
}
export interface FeedReport { new: number; changed: number; removed: number; kept: number; trouble: Trouble[]; conflicts: Trouble[]; error?: string }
export interface FeedShift { kind: 'new' | 'changed' | 'gone'; post: string; person: string; from: number; until: number; was?: { person: string; from: number; until: number } }
export interface FeedTrial { read: number; report: FeedReport; shifts: FeedShift[] }

export const arrangement = (): Promise<Arrangement> => go('GET', '/arrange');
export const ladder = async (post: string): Promise<string[]> => (await go<{ ladder: string[] }>('GET', `/arrange/posts/${enc(post)}`)).ladder;
export const savePost = (p: Post): Promise<Post> => (p.id === '' ? go('POST', '/arrange/posts', p) : go('PUT', `/arrange/posts/${enc(p.id)}`, p));
export const saveTeam = (t: Team): Promise<{ id: string }> => (t.id === '' ? go('POST', '/arrange/teams', t) : go('PUT', `/arrange/teams/${enc(t.id)}`, t));
export const dropTeam = (id: string): Promise<unknown> => go('DELETE', `/arrange/teams/${enc(id)}`);
export const setKeeper = (user: string, service: string, on: boolean): Promise<unknown> => go('PUT', '/arrange/keepers', { user, service, on });
export const feeds = async (): Promise<Feed[]> => (await go<{ feeds: Feed[] }>('GET', '/rota/feeds')).feeds;
export const saveFeed = (f: Pick<Feed, 'id' | 'name' | 'kind' | 'url' | 'post' | 'stale_ms'>): Promise<Feed> => (f.id === '' ? go('POST', '/rota/feeds', f) : go('PUT', `/rota/feeds/${enc(f.id)}`, f));
// tryFeed says what a feed would do, without effect; content is a file to try instead of the address.
export const tryFeed = (f: Pick<Feed, 'id' | 'name' | 'kind' | 'url' | 'post'>, content = ''): Promise<FeedTrial> => go('POST', '/rota/feeds/try', { ...f, content });
// fetchFeed has the server read a feed now; what went wrong is in its report.
export const fetchFeed = (id: string): Promise<Feed> => go('POST', `/rota/feeds/${enc(id)}/fetch`, {});
export const dropFeed = (id: string): Promise<unknown> => go('DELETE', `/rota/feeds/${enc(id)}`);
