// Clock says what time it is at the server, by this device's own clock and how far it was off when the server last said.
//
// A device's clock may be set while the app is open, and a countdown must not jump with it. So each look compares two clocks of the
// device: the one on its wall, which people and networks set, and a steady one, which nobody can set but which stands still while some
// devices sleep. When the wall's has fallen behind the steady one it was set back, for sure, and that much is put right at once. When it
// has run ahead, the device has slept or was set forward; only the server knows which, so it is asked. Until it answers the wall's clock
// is believed, because sleep is the common case and a countdown that has run out must not be shown as if it had not.
//
// hazard: H18 clock skew reorders events

const slack = 1000; // what two clocks that go right may differ by between two looks

export class Clock {
  onDoubt: () => void = () => {}; // the server is to be asked for its time
  private readonly wall: () => number;
  private readonly steady: () => number;
  private skew = 0;
  private seen: { wall: number; steady: number };

  constructor(wall: () => number = () => Date.now(), steady: () => number = () => performance.now()) {
    this.wall = wall;
    this.steady = steady;
    this.seen = { wall: wall(), steady: steady() };
  }

  // now is the server's clock, in milliseconds since 1970.
  now(): number {
    this.look();
    return this.wall() + this.skew;
  }

  // note takes an instant of the server's that was exact when its answer was written; what is no instant changes nothing.
  note(ms: number): void {
    if (!(ms > 0)) return;
    this.seen = { wall: this.wall(), steady: this.steady() };
    this.skew = ms - this.seen.wall;
  }

  // look finds out whether the device's clock was set since the last look. It is asked whenever the time is, and when somebody comes back
  // to the page.
  look(): void {
    const at = { wall: this.wall(), steady: this.steady() };
    const ahead = at.wall - this.seen.wall - (at.steady - this.seen.steady);
    this.seen = at;
    if (Math.abs(ahead) < slack) return;
    if (ahead < 0) this.skew -= ahead;
    this.onDoubt();
  }
}
