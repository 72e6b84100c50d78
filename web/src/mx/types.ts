// The parts of the Matrix wire format that the app reads. Unknown content stays `unknown` until something checks it.

export type Json = Record<string, unknown>;

export interface Unsigned {
  transaction_id?: string;
  redacted_because?: unknown;
  prev_content?: Json;
  'm.relations'?: Json;
  age?: number;
}

export interface MatrixEvent {
  event_id: string;
  type: string;
  sender: string;
  origin_server_ts: number;
  content: Json;
  state_key?: string;
  unsigned?: Unsigned;
  redacts?: string;
}

export interface StateStub {
  type: string;
  state_key: string;
  content?: undefined;
}

export interface Hero {
  user_id: string;
  displayname?: string;
  avatar_url?: string;
}

export interface RoomResult {
  initial?: boolean;
  name?: string | null;
  heroes?: Hero[];
  is_dm?: boolean;
  membership?: string;
  bump_stamp?: number;
  timeline_events?: MatrixEvent[];
  timeline?: MatrixEvent[];
  required_state?: (MatrixEvent | StateStub)[];
  prev_batch?: string;
  limited?: boolean;
  expanded_timeline?: boolean;
  unstable_expanded_timeline?: boolean;
  num_live?: number;
  joined_count?: number;
  invited_count?: number;
  notification_count?: number;
  highlight_count?: number;
  stripped_state?: MatrixEvent[];
  invite_state?: MatrixEvent[];
}

export interface TypingEvent {
  type?: string;
  content: { user_ids: string[] };
}

export type ReceiptContent = Record<string, Record<string, Record<string, { ts?: number; thread_id?: string }>>>;

export interface ReceiptEvent {
  type?: string;
  content: ReceiptContent;
}

export interface AccountEvent {
  type: string;
  content: Json;
}

export interface SyncResponse {
  pos: string;
  lists?: Record<string, { count: number }>;
  rooms?: Record<string, RoomResult>;
  extensions?: {
    typing?: { rooms?: Record<string, TypingEvent> };
    receipts?: { rooms?: Record<string, ReceiptEvent> };
    account_data?: { global?: AccountEvent[]; rooms?: Record<string, AccountEvent[]> };
  };
}

export interface RequiredState {
  include: { type?: string; state_key?: string }[];
  lazy_members?: boolean;
}

export interface RoomConfig {
  timeline_limit: number;
  required_state: RequiredState;
}

export interface SyncRequest {
  conn_id: string;
  pos?: string;
  timeout: number;
  lists: Record<string, RoomConfig & { range: [number, number] }>;
  room_subscriptions: Record<string, RoomConfig>;
  extensions: Record<string, { enabled: boolean }>;
}

export interface ContextPage {
  event: MatrixEvent;
  events_before?: MatrixEvent[]; // newest first
  events_after?: MatrixEvent[];
  start?: string;
  end?: string;
  state?: MatrixEvent[];
}

export interface SearchHit {
  result: MatrixEvent & { room_id: string };
  context?: { profile_info?: Record<string, { displayname?: string }> };
}

export interface MessagesPage {
  chunk: MatrixEvent[];
  start: string;
  end?: string;
  state?: MatrixEvent[];
}

// text answers a string field of content, or the fallback when it is absent or of another type.
export function text(content: Json | undefined, key: string, fallback = ''): string {
  const v = content?.[key];
  return typeof v === 'string' ? v : fallback;
}

// part answers an object field of content, or undefined.
export function part(content: Json | undefined, key: string): Json | undefined {
  const v = content?.[key];
  return typeof v === 'object' && v !== null && !Array.isArray(v) ? (v as Json) : undefined;
}

// number answers a finite number field of content, or the fallback.
export function number(content: Json | undefined, key: string, fallback = 0): number {
  const v = content?.[key];
  return typeof v === 'number' && Number.isFinite(v) ? v : fallback;
}
