// What the engine needs of the machine it runs on, so that its rules can be tested without one.

export type Signal =
  | { kind: 'sync'; response: unknown }
  | { kind: 'out' }
  | { kind: 'draft'; draft: unknown }
  | { kind: 'open'; tab: string; room: string }
  | { kind: 'status'; offlineSince: number }
  | { kind: 'try' }
  | { kind: 'page'; page: unknown }
  | { kind: 'out of here' }
  | { kind: 'nothing kept' };

export interface Env {
  tab: string;
  readonly conn: string; // the name of this sync connection
  post(s: Signal): void;
  hear(fn: (s: Signal) => void): void;
  // lead calls back when this tab is the one that syncs; it stays so until the tab goes.
  lead(fn: () => void): void;
  standAlone(): void; // there is no disk between the tabs: this one talks with the server for itself, and tells the others
  drawn(): Promise<void>; // what was announced is on screen, or nobody looks
  wait(ms: number, fn: () => void): () => void;
  now(): number;
  forget(uri: string): void; // a file was taken away: no copy of it stays
  // upload sends a file and answers its address; keep puts the name under which it goes on disk, before it goes.
  upload(file: { blob: Blob; name: string; slot: string }, keep: (slot: string) => Promise<void>, progress: (part: number) => void, signal: AbortSignal): Promise<string>;
  abandon(slot: string): void; // what has come of a file need not be kept
}
