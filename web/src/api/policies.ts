// A trust's rules for pages to a post: who is called when, by version.

import { wire } from '../app';
import type { Preview, Urgency } from './types';
import type { Method } from '../mx/http';

const base = '/_wardline/v1';
const enc = encodeURIComponent;
const go = <T>(method: Method, path: string, body?: unknown): Promise<T> => wire.call(method, base + path, body);

export interface Stage { posts: string[]; everybody: boolean; seconds: number; when: '' | 'in' | 'out' }
export interface Hours { from: string; until: string; days: number[]; holidays: boolean }
export interface Rules { stages: Stage[]; seconds: number; quorum: number; hours: Hours | null; fallback: string }
export interface PolicyVersion { post: string; urgency: Urgency; version: number; at: number; by: string; by_name: string; note: string; rules: Rules }
export interface Policies { policies: PolicyVersion[]; keeps: string[]; seconds: Record<Urgency, number> }

// every is the policy of every post that has none of its own.
export const every = '*';

export const policies = (): Promise<Policies> => go('GET', '/policies');
export const versions = async (post: string, urgency: Urgency): Promise<PolicyVersion[]> => (await go<{ versions: PolicyVersion[] }>('GET', `/policies/${enc(post)}/${urgency}`)).versions;
export const savePolicy = (post: string, urgency: Urgency, based: number, rules: Rules, note: string): Promise<PolicyVersion> => go('PUT', `/policies/${enc(post)}/${urgency}`, { based, rules, note });
// play is what a page would do by these rules, raised at the instant; nothing is changed.
export const play = (post: string, urgency: Urgency, rules: Rules | null, at: number): Promise<Preview> => go('POST', '/pages/preview', { post, urgency, rules, at });
