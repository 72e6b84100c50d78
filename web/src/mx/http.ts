// One way to talk to the server: same origin, cookie, JSON. Nothing else in the app calls fetch except uploads.

import { t, told } from '../words/words';
import { Clock } from './clock';

export class WireError extends Error {
  readonly status: number; // 0 when no answer came at all
  readonly errcode: string;
  readonly retryAfter: number; // milliseconds, 0 when the server did not say

  constructor(status: number, errcode: string, message: string, retryAfter = 0) {
    super(message);
    this.name = 'WireError';
    this.status = status;
    this.errcode = errcode;
    this.retryAfter = retryAfter;
  }

  // lost is true when the request may or may not have been carried out: no answer, or the server was in trouble. What a locked device
  // asked waits until it is opened.
  get lost(): boolean {
    return this.errcode === 'UK_WARDLINE_LOCKED' || this.status === 0 || this.status >= 500 || this.status === 429 || this.status === 408;
  }
}

export interface Answer {
  at: number; // the server's clock, 0 when unknown
}

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

// Wire is what the Matrix client and the clinical API need of a transport. Tests hand in a real in-memory server.
export interface Wire {
  call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T>;
  serverClock(): number;
}

export class HttpWire implements Wire {
  onSignedOut: () => void = () => {};
  onLocked: () => void = () => {}; // the server holds this device shut until its code is given
  readonly clock = new Clock();

  serverClock(): number {
    return this.clock.now();
  }

  // noteClock takes a server instant that was exact when the answer was written.
  noteClock(ms: number): void {
    this.clock.note(ms);
  }

  async call<T>(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const init: RequestInit = { method, credentials: 'same-origin', cache: 'no-store' };
    if (body !== undefined) {
      init.headers = { 'Content-Type': 'application/json' };
      init.body = JSON.stringify(body);
    }
    if (signal) init.signal = signal;
    let answer: Response;
    try {
      answer = await fetch(path, init);
    } catch (e) {
      if (signal?.aborted) throw e;
      throw new WireError(0, 'OFFLINE', t('No connection'));
    }
    let value: unknown;
    try {
      value = await answer.json();
    } catch (e) {
      if (signal?.aborted) throw e;
      throw new WireError(answer.ok ? 0 : answer.status, 'BAD_ANSWER', t('The server gave an answer that is not JSON'));
    }
    if (answer.ok) return value as T;
    throw this.refusal(answer, value);
  }

  private refusal(answer: Response, value: unknown): WireError {
    const v = (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown>;
    const code = typeof v['errcode'] === 'string' ? v['errcode'] : 'M_UNKNOWN';
    const words = typeof v['error'] === 'string' ? told(v['error']) : t('The server answered {status}', { status: answer.status });
    const header = Number(answer.headers.get('Retry-After') ?? '0') * 1000;
    const wait = typeof v['retry_after_ms'] === 'number' ? v['retry_after_ms'] : header;
    if (code === 'UK_WARDLINE_LOCKED') this.onLocked();
    // A locked account may be freed again, and then goes on with what this device keeps.
    if (answer.status === 401 && code !== 'M_FORBIDDEN' && code !== 'M_USER_LOCKED') this.onSignedOut();
    return new WireError(answer.status, code, words, Number.isFinite(wait) ? wait : 0);
  }
}
