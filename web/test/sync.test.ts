import { describe, expect, it } from 'vitest';
import type { MatrixClient } from '../src/mx/client';
import { WireError } from '../src/mx/http';
import { SyncLoop, type SyncHost } from '../src/mx/sync';
import type { SyncResponse } from '../src/mx/types';
import type { Env, Signal } from '../src/store/env';
import { Tabs, type TabPort } from '../src/store/tabs';

const settle = async (): Promise<void> => { for (let i = 0; i < 40; i++) await Promise.resolve(); };

// A server that answers when the test says so, and pauses that end when they are cut short.
function began(answers: ((signal: AbortSignal) => Promise<SyncResponse>)[]) {
  const seen = { asked: 0, pauses: 0 };
  const client = { sync: (_: unknown, signal: AbortSignal) => { seen.asked++; return (answers.shift() ?? (() => new Promise<never>(() => undefined)))(signal); } } as unknown as MatrixClient;
  const host: SyncHost = {
    apply: () => Promise.resolve(), restart: () => Promise.resolve(), live: () => undefined, lost: () => undefined, broken: () => undefined,
    sleep: (_, signal) => { seen.pauses++; return new Promise((ok) => signal.addEventListener('abort', () => ok(), { once: true })); },
  };
  const loop = new SyncLoop(client, host, 'web');
  void loop.run();
  return { loop, seen };
}

describe('a pause after a failure', () => {
  const no = (): Promise<never> => Promise.reject(new WireError(0, 'OFFLINE', ''));
  it('is cut short by who looks at another tab', async () => {
    const { loop, seen } = began([no, no]);
    await settle();
    expect(seen).toEqual({ asked: 1, pauses: 1 });
    loop.hurry();
    await settle();
    expect(seen).toEqual({ asked: 2, pauses: 2 });
  });

  it('is not, where the server named the time', async () => {
    const { loop, seen } = began([() => Promise.reject(new WireError(429, 'M_LIMIT_EXCEEDED', '', 9000))]);
    await settle();
    loop.hurry();
    await settle();
    expect(seen).toEqual({ asked: 1, pauses: 1 });
  });

  it('a question that is on its way is left alone', async () => {
    const { loop, seen } = began([no]);
    await settle();
    loop.hurry();
    await settle();
    loop.hurry();
    loop.hurry();
    await settle();
    expect(seen).toEqual({ asked: 2, pauses: 1 });
  });
});

it('a tab that waits for another one urges it until there is a network', () => {
  const posted: Signal[] = [];
  let due: (() => void) | null = null;
  const env = { post: (s: Signal) => posted.push(s), wait: (_: number, fn: () => void) => { due = fn; return () => { due = null; }; } } as unknown as Env;
  const tabs = new Tabs(env, {} as TabPort);
  const ring = (): void => { const fn = due; due = null; fn?.(); };
  tabs.urge(true);
  ring();
  ring();
  expect(posted.map((s) => s.kind)).toEqual(['try', 'try']);
  tabs.urge(false);
  expect(due).toBeNull();
});
