// The operators' console: who is on, every open page and call, calls made by telephone, and the log.

import { wire } from '../app';
import type { Method } from '../mx/http';
import type { Call, WholeCall } from './emergency';
import type { Page, Way } from './types';

const base = '/_wardline/v1/switchboard';
const enc = encodeURIComponent;
const go = <T>(method: Method, path: string, body?: unknown): Promise<T> => wire.call(method, base + path, body);

export interface ConsolePost {
  id: string; name: string; service: string; critical: boolean; pageable: boolean; must: number; alarm: '' | 'empty' | 'short' | 'late'; alarm_since: number;
  holders: { user: string; name: string; since: number; until: number }[]; reach: Way[];
}
export interface Console { posts: ConsolePost[]; gaps: { post: { id: string; name: string }; from: number; until: number }[]; pages: Page[]; calls: Call[]; now: number }
export type Outcome = 'coming' | 'cannot_come' | 'no_answer' | 'message_left';
export interface ConsolePage {
  page: Page; rungs: { post: { id: string; name: string }; user: string; name: string; numbers: { way: string; number: string }[] }[];
  spoke: { at: number; by_name: string; user: string; name: string; outcome: Outcome; note: string }[];
}
export interface LogLine { at: number; who: string; action: string; object: string; detail: string; code: string; facts: { kind: string; value: string }[] }

export const consoleNow = (): Promise<Console> => go('GET', '');
export const consolePage = (id: string): Promise<ConsolePage> => go('GET', `/pages/${enc(id)}`);
export const spoke = (id: string, s: { txn: string; user: string; outcome: Outcome; eta_minutes: number; note: string }): Promise<Page> => go('POST', `/pages/${enc(id)}/spoke`, s);
export const pageFor = (p: { txn: string; post: string; urgency: string; where: string; what: string; need: string; callback: string; caller: string }): Promise<Page> => go('POST', '/pages', p);
export const callFor = (c: { txn: string; team: string; place: string; what: string; drill: boolean; caller: string }): Promise<WholeCall> => go('POST', '/emergencies', c);
export const consoleLog = async (day: string): Promise<LogLine[]> => (await go<{ lines: LogLine[] }>('GET', `/log?day=${enc(day)}`)).lines;
export const logFile = (day: string): string => `${base}/log.csv?day=${enc(day)}`;
