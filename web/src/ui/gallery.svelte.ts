// What was sent in a conversation, newest first: fetched page by page as the person looks, and joined by what arrives meanwhile. It
// outlives its screen, so that who comes back from a photo is where they were.

import { engine } from '../app';
import { mediaOf, type Media } from '../mx/media';
import { text, type MatrixEvent } from '../mx/types';

export type Tab = 'pictures' | 'files' | 'links';
export interface Entry { ev: MatrixEvent; media: Media | null; links: string[] }

const PAGE = 100;
const FEW = 24; // a page that brings less than a screen is followed by the next
const linkMark = /https?:\/\/[^\s<>"']+/g;

class List {
  entries = $state.raw<Entry[]>([]);
  more = $state(true);
  busy = $state(false);
  failed = $state.raw<unknown>(null);
  scrolled = 0;
  left = -1; // which one was opened
  private from = '';
  private readonly have = new Set<string>();
  private readonly room: string;
  private readonly tab: Tab;

  constructor(room: string, tab: Tab) {
    this.room = room;
    this.tab = tab;
  }

  // load fetches the next page, or more pages until there is something to show.
  async load(): Promise<void> {
    if (this.busy || !this.more) return;
    this.busy = true;
    this.failed = null;
    try {
      let found = 0;
      for (let pages = 0; this.more && found < FEW && pages < 8; pages++) {
        const page = await engine.mx.sent(this.room, this.from, PAGE, this.tab !== 'links');
        found += this.take(page.chunk);
        this.more = page.end !== undefined && page.chunk.length > 0;
        this.from = page.end ?? '';
      }
    } catch (e) {
      this.failed = e;
    } finally {
      this.busy = false;
    }
  }

  // take adds what belongs here, in its place by time, and answers how much that was.
  take(events: MatrixEvent[]): number {
    const fresh: Entry[] = [];
    for (const ev of events) {
      if (this.have.has(ev.event_id)) continue;
      const e = entryOf(ev, this.tab);
      if (!e) continue;
      this.have.add(ev.event_id);
      fresh.push(e);
    }
    if (fresh.length > 0) this.entries = [...this.entries, ...fresh].sort((a, b) => b.ev.origin_server_ts - a.ev.origin_server_ts);
    return fresh.length;
  }
}

function entryOf(ev: MatrixEvent, tab: Tab): Entry | null {
  if (ev.type !== 'm.room.message' || ev.unsigned?.redacted_because !== undefined) return null;
  const media = mediaOf(ev.content);
  const picture = media?.kind === 'photo' || media?.kind === 'film';
  if (tab === 'links') {
    const links = media ? [] : [...new Set(text(ev.content, 'body').match(linkMark) ?? [])].slice(0, 5);
    return links.length > 0 ? { ev, media: null, links } : null;
  }
  return media && picture === (tab === 'pictures') ? { ev, media, links: [] } : null;
}

const lists = new Map<string, List>();

// galleryOf is the list of a conversation and a kind; the lists of the last few conversations are kept.
export function galleryOf(room: string, tab: Tab): List {
  const key = `${tab} ${room}`;
  let l = lists.get(key);
  if (!l) {
    if (lists.size > 8) lists.clear();
    lists.set(key, (l = new List(room, tab)));
  }
  return l;
}

// sentIn finds a message that a list holds.
export function sentIn(room: string, event: string): MatrixEvent | undefined {
  for (const tab of ['pictures', 'files'] as const) {
    const e = lists.get(`${tab} ${room}`)?.entries.find((x) => x.ev.event_id === event);
    if (e) return e.ev;
  }
  return undefined;
}

// forgetGalleries drops all of it, when the session ends.
export function forgetGalleries(): void {
  lists.clear();
}
