// Emergency calls: a team by one act, its board, and what the teams are.

import { wire } from '../app';
import type { Method } from '../mx/http';
import type { Reason } from './types';

const base = '/_wardline/v1/emergencies';
const enc = encodeURIComponent;
const go = <T>(method: Method, path: string, body?: unknown): Promise<T> => wire.call(method, base + path, body);

export type SeatState = 'calling' | 'reached' | 'seen' | 'coming' | 'here' | 'released';
export interface Seat {
  post: { id: string; name: string }; required: boolean; page: string; state: SeatState; user: string; name: string; as: { id: string; name: string };
  since: number; due_at: number; next: string; missing: boolean; coming_at: number; eta_at: number; here_at: number;
}
export interface Call {
  id: string; event_id: string; room_id: string; seq: number; team: { id: string; name: string }; drill: boolean; place: string; what: string;
  patient: { id: string; plate: string; name: string } | null; from: { user: string; name: string; role: string }; raised_at: number;
  status: 'open' | 'stood_down'; leader: { user: string; name: string } | null; seats: Seat[]; present: { user: string; name: string; at: number }[];
  ended: { user: string; name: string; at: number; reason: string } | null;
}
export interface CallStep { kind: string; at: number; post: string; post_name: string; user: string; name: string; by: string; note: string; why?: Reason }
export interface SeatTimes { post: { id: string; name: string }; required: boolean; name: string; asked: number; told: number; reached: number; seen: number; coming: number; here: number }
export interface WholeCall extends Call { steps: CallStep[]; times: SeatTimes[]; may_conduct: boolean; switchboard: boolean }
export interface TeamSeat { post: string; name: string; required: boolean; holder: { user: string; name: string } | null }
export interface CallTeam { id: string; name: string; seats: TeamSeat[] }
export interface Spread { count: number; p50: number; p90: number }
export interface Measure { calls: number; drills: number; first_here: Spread; all_here: Spread; accepted: Spread; never_there: number }

export const callTeams = (): Promise<{ teams: CallTeam[]; may_change: boolean; switchboard: boolean }> => go('GET', '/teams');
export const saveCallTeam = (t: { id: string; name: string; seats: { post: string; required: boolean }[] }): Promise<unknown> =>
  go(t.id === '' ? 'POST' : 'PUT', t.id === '' ? '/teams' : `/teams/${enc(t.id)}`, { name: t.name, seats: t.seats });
export const dropCallTeam = (id: string): Promise<unknown> => go('DELETE', `/teams/${enc(id)}`);
export const raiseCall = (c: { txn: string; team: string; place: string; what: string; patient: string; drill: boolean }): Promise<WholeCall> => go('POST', '', c);
export const openCalls = (): Promise<{ calls: Call[]; now: number }> => go('GET', '?box=open');
export const pastCalls = (days: number): Promise<{ calls: Call[]; measure: Measure }> => go('GET', `?box=past&days=${days}`);
export const oneCall = (id: string): Promise<WholeCall> => go('GET', `/${enc(id)}`);
export const markHere = (id: string, user: string, post: string, here: boolean): Promise<WholeCall> => go('POST', `/${enc(id)}/here`, { user, post, here });
export const takeLead = (id: string): Promise<WholeCall> => go('POST', `/${enc(id)}/lead`, {});
export const standDown = (id: string, reason: string): Promise<WholeCall> => go('POST', `/${enc(id)}/stand-down`, { reason });
export const enterCall = (id: string): Promise<WholeCall> => go('POST', `/${enc(id)}/enter`, {});
export const callFile = (id: string, which: 'timeline' | 'seats'): string => `${base}/${enc(id)}/${which}.csv`;
