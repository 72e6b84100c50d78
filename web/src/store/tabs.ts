// The other tabs of this app: what each has open, and what they tell one another. Every tab applies the responses that the leading one
// got; only the leading one writes.

import type { Page } from '../api/types';
import type { SyncResponse } from '../mx/types';
import type { Draft } from './disk';
import type { Env, Signal } from './env';

const TRY = 4000; // ms, as long as the longest pause between two tries

export interface TabPort {
  sync(r: SyncResponse): void;
  out(): void; // something waits on the disk
  draft(d: Draft): void;
  opened(): void; // what is on screen somewhere has changed
  status(offlineSince: number): void;
  hurry(): void; // somebody looks at another tab, and there was no network
  page(p: Page): void;
  gone(): void; // the session ended
  nothingKept(): void; // the device keeps nothing, as another tab found
}

export class Tabs {
  private readonly open = new Map<string, string>(); // tab to room
  private urging = (): void => undefined;
  private readonly env: Env;
  private readonly port: TabPort;

  constructor(env: Env, port: TabPort) {
    this.env = env;
    this.port = port;
  }

  // listen hears the other tabs.
  listen(): void {
    this.env.hear((s) => this.hear(s));
  }

  // show says which room this tab has on screen; empty for none.
  show(room: string): void {
    if (room === '') this.open.delete(this.env.tab);
    else this.open.set(this.env.tab, room);
    this.env.post({ kind: 'open', tab: this.env.tab, room });
    this.port.opened();
  }

  // rooms are those that some tab has on screen.
  rooms(): string[] {
    return [...new Set(this.open.values())].filter((r) => r !== '').sort();
  }

  // urge has the leading tab try again every few seconds, or no longer. That tab may be hidden, and a browser lets the timers of a hidden
  // page run once a minute; those of the one that is looked at run.
  urge(on: boolean): void {
    this.urging();
    this.urging = !on ? () => undefined : this.env.wait(TRY, () => {
      this.env.post({ kind: 'try' });
      this.urge(true);
    });
  }

  clear(): void {
    this.open.clear();
    this.urge(false);
  }

  private hear(s: Signal): void {
    switch (s.kind) {
      case 'sync':
        this.port.sync(s.response as SyncResponse);
        break;
      case 'out':
        this.port.out();
        break;
      case 'draft':
        this.port.draft(s.draft as Draft);
        break;
      case 'open':
        if (s.room === '') this.open.delete(s.tab);
        else this.open.set(s.tab, s.room);
        this.port.opened();
        break;
      case 'status':
        this.port.status(s.offlineSince);
        break;
      case 'try':
        this.port.hurry();
        break;
      case 'page':
        this.port.page(s.page as Page);
        break;
      case 'nothing kept':
        this.port.nothingKept();
        break;
      case 'out of here':
        this.port.gone();
        break;
      default:
    }
  }
}
