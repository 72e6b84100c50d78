// The emergency calls that this device knows of, from their rooms or from an answer of the server. As with pages each board is whole, so
// the one with the highest seq is the truth.

import type { Call } from '../api/emergency';
import { number, part, text } from '../mx/types';
import type { Json } from '../mx/types';

export class CallBook {
  private readonly calls = new Map<string, Call>();

  // take answers true when the board is news.
  take(c: Call): boolean {
    const old = this.calls.get(c.id);
    if (old && old.seq >= c.seq) return false;
    this.calls.set(c.id, c);
    return true;
  }

  get(id: string): Call | undefined {
    return this.calls.get(id);
  }

  // ofPage is the call that a page belongs to: the one in whose room it is.
  ofPage(p: { room_id: string }): Call | undefined {
    for (const c of this.calls.values()) if (c.room_id === p.room_id) return c;
    return undefined;
  }

  open(): Call[] {
    return [...this.calls.values()].filter((c) => c.status === 'open').sort((a, b) => a.raised_at - b.raised_at);
  }

  clear(): void {
    this.calls.clear();
  }
}

// readCall takes a board from an event. Only the server writes them, so what has the right outside has the right inside.
export function readCall(j: Json | undefined): Call | undefined {
  if (!j || text(j, 'id') === '' || number(j, 'seq') === 0 || !Array.isArray(j['seats']) || !Array.isArray(j['present']) || !part(j, 'team')) return undefined;
  return j as unknown as Call;
}
