// Other systems that raise pages, and the rules by which they do.

import { wire } from '../app';
import type { Called, Need, PostRef, Urgency } from './types';
import type { Method } from '../mx/http';

const base = '/_wardline/v1/inbound';
const enc = encodeURIComponent;
const go = <T>(method: Method, path: string, body?: unknown): Promise<T> => wire.call(method, base + path, body);

export interface Source { id: string; name: string; per_minute: number; made_at: number; used_at: number; ended: boolean }
export interface Rule { source: string; code: string; ward: string; level: string; post: string; urgency: Urgency; need: Need }
export interface Setup { sources: Source[]; rules: Rule[]; version: number }
export interface Tried { rule: number; post: PostRef; urgency: Urgency; need: Need; called: Called[]; then: string }

export const setup = (): Promise<Setup> => go('GET', '/setup');
export const newSource = (name: string, per_minute: number): Promise<{ source: Source; token: string }> => go('POST', '/sources', { name, per_minute });
export const newToken = async (id: string): Promise<string> => (await go<{ token: string }>('POST', `/sources/${enc(id)}/token`, {})).token;
export const endSource = (id: string): Promise<unknown> => go('DELETE', `/sources/${enc(id)}`);
export const saveRules = (based: number, rules: Rule[]): Promise<unknown> => go('PUT', '/rules', { based, rules });
export const tryMessage = (m: { source: string; code: string; ward: string; level: string }): Promise<Tried> => go('POST', '/try', m);
