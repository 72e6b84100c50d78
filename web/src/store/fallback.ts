// A device may keep nothing: storage that is switched off, a profile that is full, a store that is damaged. Whoever sits there must be
// reached all the same, so the app goes on in memory, as on a shared computer, and says so.

import type { Batch, Disk, Draft, OutItem, Start } from './disk';
import type { Line } from '../mx/room';
import type { MatrixEvent } from '../mx/types';

// Some stores never answer, which holds up everything behind them: after this many ms one counts as damaged. When a computer wakes, what
// was late fires before anything else, so the store then has another moment.
const SLOW = 5000;
const MOMENT = 1000;

class NoAnswer extends Error {}

function answered<T>(asked: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    let timer = setTimeout(() => { timer = setTimeout(() => reject(new NoAnswer()), MOMENT); }, SLOW);
    asked.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export class FallbackDisk implements Disk {
  onLost: () => void = () => {};
  private now: Disk;
  private readonly kept: Disk;
  private readonly memory: Disk;
  private readonly free: () => Promise<void>;

  // free makes room on the device: what can be fetched again goes.
  constructor(kept: Disk, memory: Disk, free: () => Promise<void>) {
    this.now = this.kept = kept;
    this.memory = memory;
    this.free = free;
  }

  // giveUp goes on in memory from here.
  giveUp(): void {
    if (this.now === this.memory) return;
    this.now = this.memory;
    this.onLost();
  }

  // surely does something on the device, once more when it failed, and in memory when it fails for good.
  private async surely<T>(run: (d: Disk) => Promise<T>): Promise<T> {
    if (this.now === this.memory) return run(this.memory);
    try {
      return await answered(run(this.kept));
    } catch (e) {
      if (e instanceof NoAnswer) {
        this.giveUp();
        return run(this.memory);
      }
      if (e instanceof DOMException && e.name === 'QuotaExceededError') await this.free().catch(() => undefined);
      try {
        return await answered(run(this.kept));
      } catch {
        this.giveUp();
        return run(this.memory);
      }
    }
  }

  open(): Promise<Start> { return this.surely((d) => d.open()); }
  meta(key: string): Promise<unknown> { return this.surely((d) => d.meta(key)); }
  commit(b: Batch): Promise<void> { return this.surely((d) => d.commit(b)); }
  lines(room: string): Promise<Line[]> { return this.surely((d) => d.lines(room)); }
  state(room: string): Promise<MatrixEvent[]> { return this.surely((d) => d.state(room)); }
  out(): Promise<OutItem[]> { return this.surely((d) => d.out()); }
  putOut(item: OutItem): Promise<void> { return this.surely((d) => d.putOut(item)); }
  dropOut(seq: number): Promise<void> { return this.surely((d) => d.dropOut(seq)); }
  putDraft(draft: Draft): Promise<void> { return this.surely((d) => d.putDraft(draft)); }
  putMeta(key: string, value: unknown): Promise<void> { return this.surely((d) => d.putMeta(key, value)); }
  forgetRooms(): Promise<void> { return this.surely((d) => d.forgetRooms()); }

  // wipe erases both, whichever is in use.
  async wipe(): Promise<void> {
    await answered(this.kept.wipe()).catch(() => undefined);
    await this.memory.wipe();
  }
}
