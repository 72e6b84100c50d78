// The clinical objects as docs/protocol.md gives them. Instants are milliseconds since 1970 UTC.

export interface Me {
  user_id: string;
  device_id: string;
  name: string;
  role: string;
  posts?: { id: string; name: string; until: number }[];
  demo?: boolean;
  console?: boolean; // they may open the switchboard's console
}

export interface PostRef {
  id: string;
  name: string;
}

export interface Holder {
  user: string;
  name: string;
  since?: number;
  until?: number;
  from?: number;
}

export interface Post extends PostRef {
  service: string;
  holder: Holder | null;
  next: Holder | null;
  pageable: boolean;
}

// Status is what somebody says of themselves; until is 0 while it has no end.
export interface Status {
  kind: '' | 'clinic' | 'theatre' | 'round' | 'break' | 'busy' | 'sterile' | 'teaching' | 'rest';
  words: string;
  until: number;
}

export interface Found {
  kind: 'person' | 'post' | 'team';
  id: string;
  name: string;
  detail: string;
  on_duty?: boolean;
  posts?: string[];
  holder?: Holder | null;
  members?: string[];
  photo?: string;
  status?: Status;
}

export interface Patient {
  id: string;
  nhs_number: string;
  family: string;
  given: string;
  title: string;
  born: string;
  age: number;
  ward: string;
  bed: string;
  plate: string;
  consultant: string;
  hospital_number: string;
  alerts: string[];
  needs: string[];
  room_id: string;
}

export type Urgency = 'urgent' | 'emergency';
export type Need = 'attend' | 'ring' | 'advise' | 'cover';

export type StepKind = 'sent' | 'reached' | 'seen' | 'declined' | 'passed' | 'accepted' | 'withdrawn' | 'exhausted' | 'tried' | 'taken' | 'arrived' | 'failed' | 'redirected' | 'coming' | 'asked' | 'replied' | 'second';

export interface PageStep {
  kind: StepKind;
  at: number;
  user: string;
  name: string;
  post_name: string;
  note: string;
  why?: Reason;
}

// Reason is why something went as it did, in a code with its facts; ui/reasons.ts has the words.
export interface Reason { code: string; name?: string; minutes?: number }

// Way is one way in which somebody can be reached.
export interface Way { via: string; detail: string; code: string; ms?: number; n?: number }

export interface Called { post: PostRef; user: string; name: string }
export interface Acceptance { user: string; name: string; at: number; eta_minutes: number }

// Whom a page goes to: one of the three.
export interface Target { post?: string; person?: string; team?: string }

export interface Page {
  id: string;
  event_id: string;
  room_id: string;
  seq: number;
  urgency: Urgency;
  post: PostRef;
  patient: { id: string; plate: string; name: string } | null;
  where: string;
  what: string;
  need: Need;
  callback: string;
  from: { user: string; name: string; role: string };
  raised_at: number;
  status: 'open' | 'accepted' | 'withdrawn';
  current: { rung: number; post: PostRef; user: string; name: string; with?: Called[]; since: number; due_at: number };
  next: { post: PostRef; name: string } | null;
  accepted: Acceptance | null;
  quorum?: number;
  coming?: Acceptance[];
  exhausted: boolean;
  steps: PageStep[];
}

export interface NewPage extends Target {
  txn: string;
  urgency: Urgency;
  patient: string | null;
  room: string | null;
  where: string;
  what: string;
  need: Need;
  callback: string;
}

export interface Preview {
  post: PostRef;
  steps: { after_ms: number; post: PostRef; posts: PostRef[]; called: Called[]; holder: Holder | null; reach?: Way[]; note: string; why?: Reason }[];
  then: string;
  last: PostRef;
  stays: boolean;
  quorum: number;
  policy: number;
}

export interface MessageInfo {
  event_id: string;
  sent_at: number;
  people: { user: string; name: string; detail: string; standing: 'seen' | 'reached' | 'unknown'; seen_at: number; exact: boolean; last_here: number }[];
}

export interface NewAsk {
  txn: string;
  room: string;
  kind: 'question' | 'request';
  text: string;
  user: string;
  post: string;
  within_ms: number; // 0 for what the trust promises
}

export interface Ask {
  id: string;
  event_id: string;
  room_id: string;
  kind: 'question' | 'request';
  text: string;
  from: { user: string; name: string };
  owner: { user: string; name: string; post: PostRef | null };
  asked_at: number;
  due_at: number;
  status: 'open' | 'answered' | 'done' | 'closed';
}

export interface GroupLink {
  id: string;
  by: string;
  made_at: number;
  expires_at: number;
  used: number;
  token?: string; // only when it was just made
}

export interface Invitation {
  name: string;
  about: string;
  class: string;
  people: number;
  by: string;
  expires_at: number;
  room_id: string; // only for who is in already
}

export interface NewGroup {
  name: string;
  about?: string;
  follow?: { posts: string[]; teams: string[] };
  class: string;
  people: string[];
  posts: string[];
  patient: string | null;
  txn: string;
}

export interface Policy {
  max_photo_px?: number;
  photo_max_bytes?: number;
  forward?: Record<string, string[]>;
  copy?: string[];
  kinds?: { kind: string; within_ms: number; interrupts: string; then: string }[];
}

// SignInWays are the ways in: a password, and identity providers, each with where it begins.
export interface SignInWays {
  password: boolean;
  providers: { id: string; name: string; url: string }[];
}
