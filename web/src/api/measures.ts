// How pages went, and how often one is interrupted.

import { wire } from '../app';

const base = '/_wardline/v1';

export interface Spread { count: number; half_ms: number; most_ms: number }
export interface Figures { pages: number; accepted: number; withdrawn: number; open: number; escalated: number; switchboard: number; reach: Spread; accept: Spread }
export interface Group extends Figures { id: string; name: string }
export interface Report { from: number; until: number; all: Figures; posts: Group[]; wards: Group[]; days: Group[] }
export type Interruption = 'emergency' | 'urgent' | 'ask' | 'mention' | 'message';
export interface Ledger { days: { day: string; kinds: Partial<Record<Interruption, number>>; hours: number[] }[]; teams: { id: string; name: string; people: number; median: number }[]; kinds: Interruption[] }

const query = (from: number, until: number, urgency: string): string => `?from=${from}&until=${until}&urgency=${urgency}`;

export const measures = (from: number, until: number, urgency: string): Promise<Report> => wire.call('GET', `${base}/measures/pages${query(from, until, urgency)}`);
export const tableLink = (from: number, until: number, urgency: string): string => `${base}/measures/pages.csv${query(from, until, urgency)}`;
export const interruptions = (days: number): Promise<Ledger> => wire.call('GET', `${base}/interruptions?days=${days}`);
