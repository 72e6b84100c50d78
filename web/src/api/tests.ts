// The test page: the holder's answer, and the operators' board.

import { wire } from '../app';
import type { Method } from '../mx/http';
import type { Reason } from './types';

const base = '/_wardline/v1';
const board = `${base}/switchboard/test`;
const enc = encodeURIComponent;
const go = <T>(method: Method, path: string, body?: unknown): Promise<T> => wire.call(method, path, body);

export interface Answer { posts: number; late: boolean; after: number }
export const testReached = (run: string): Promise<unknown> => go('POST', `${base}/tests/${enc(run)}/reached`, { way: 'app' });
export const testReceived = (run: string): Promise<Answer> => go('POST', `${base}/tests/${enc(run)}/received`, {});

export type TestState = 'planned' | 'waiting' | 'received' | 'late' | 'unanswered' | 'unreached' | 'nobody' | 'protected';
export type WayState = 'offered' | 'due' | 'taken' | 'arrived' | 'device' | 'failed' | 'none' | 'dropped';
export interface TestWay { way: string; state: WayState; at: number; device_at: number; note: string }
export interface TestRow {
  id: string; run: string; post: string; name: string; user: string; user_name: string; state: TestState; why: string; reason?: Reason; told_at: number; due_at: number; ended_at: number; answered_at: number; moved: number;
  phone_at: number; phone_name: string; phone_note: string; kind: 'daily' | 'all' | 'some'; via: string; ways: TestWay[]; twice: boolean;
}
export interface TestRun { id: string; day: string; kind: 'daily' | 'all' | 'some'; planned_at: number; started_at: number; ended_at: number; minutes: number; state: 'running' | 'done' | 'not_run' }
export interface TestBoard { on: boolean; minutes: number; next: number; not_run: number; runs: TestRun[]; rows: TestRow[]; now: number }
export type Mark = '' | 'pass' | 'fail' | 'skip' | 'wait';
export interface TestHistory { runs: TestRun[]; strips: { post: string; name: string; marks: Mark[]; percent: number; twice: boolean }[] }
export type Carrier = 'sms' | 'voice' | 'pager' | 'email';
export interface TestRules { on: boolean; at: string; days: number[]; minutes: number; in: string[]; out: string[]; ways: Carrier[] }
export interface TestVersion { version: number; at: number; by_name: string; note: string; rules: TestRules }
export interface TestSetup { versions: TestVersion[]; posts: { id: string; name: string; service: string; usual: boolean }[]; carriers: Carrier[] }

export const testBoard = (): Promise<TestBoard> => go('GET', board);
export const testHistory = (): Promise<TestHistory> => go('GET', `${board}/history`);
export const testFile = `${board}/history.csv`;
export const testSetup = (): Promise<TestSetup> => go('GET', `${board}/rules`);
export const saveTestRules = (based: number, rules: TestRules, note: string): Promise<TestVersion> => go('PUT', `${board}/rules`, { based, rules, note });
export const testNow = (txn: string, posts: string[]): Promise<TestRun> => go('POST', `${board}/runs`, { txn, posts });
export const testPhoned = (id: string, note: string): Promise<unknown> => go('POST', `${board}/posts/${enc(id)}/telephone`, { note });
export const testNumbers = (id: string): Promise<{ user: string; numbers: { way: string; number: string }[] }> => go('GET', `${board}/posts/${enc(id)}/numbers`);
