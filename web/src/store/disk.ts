// What the app keeps on the device. Two implementations: IndexedDB, and memory for shared ward computers, private
// windows and tests. The rules are in the comment of IndexedDisk.

import type { Line, RoomRow } from '../mx/room';
import type { Json, MatrixEvent } from '../mx/types';

export interface Media {
  blob: Blob;
  name: string;
  w: number;
  h: number;
  uri: string; // set once uploaded
  slot?: string; // the name that the server gave out for it, while it is on its way in parts
  beside?: Beside[]; // sent before it
}

// Beside is a file that goes with another: a film's still picture, or a photo without the marks that were drawn on it.
export interface Beside {
  as: 'still' | 'plain';
  blob: Blob;
  uri: string;
}

export interface OutItem {
  seq: number;
  room: string;
  txn: string;
  type: string; // event type, or m.room.redaction
  target: string; // event id for a redaction
  content: Json;
  at: number;
  media: Media | null;
  state: 'waiting' | 'sending' | 'sent' | 'failed';
  error: string;
  tries: number;
  eventId: string;
}

export interface Draft {
  room: string;
  text: string;
  replyTo: string;
}

export interface Batch {
  rooms: RoomRow[];
  lines: { room: string; lines: Line[] }[];
  dropped: { room: string; lines: Line[] }[];
  state: { room: string; ev: MatrixEvent }[];
  meta: Record<string, unknown>;
  outDone: number[];
}

export interface Start {
  meta: Map<string, unknown>;
  rooms: RoomRow[];
  out: OutItem[];
  drafts: Draft[];
}

export interface Disk {
  open(): Promise<Start>;
  meta(key: string): Promise<unknown>;
  commit(batch: Batch): Promise<void>;
  lines(room: string): Promise<Line[]>;
  state(room: string): Promise<MatrixEvent[]>;
  out(): Promise<OutItem[]>;
  putOut(item: OutItem): Promise<void>;
  dropOut(seq: number): Promise<void>;
  putDraft(draft: Draft): Promise<void>;
  putMeta(key: string, value: unknown): Promise<void>;
  forgetRooms(): Promise<void>;
  wipe(): Promise<void>;
  giveUp?(): void; // keeps nothing on the device from here
}

export function emptyBatch(): Batch {
  return { rooms: [], lines: [], dropped: [], state: [], meta: {}, outDone: [] };
}
