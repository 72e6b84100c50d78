// The sound of a page: two tones, pulsed once a second, until somebody acts. Browsers let a page make sound only after
// the person has touched it, which is why a shift begins with a button.

const TRIAL = 2400; // ms

class AlarmSound {
  sounding = $state(false);
  unlocked = $state(false);
  private ctx: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;
  private ends: ReturnType<typeof setTimeout> | null = null; // while it is a trial
  private emergency = false;

  // unlock must run inside a press or a key; afterwards an alarm can ring by itself.
  async unlock(): Promise<boolean> {
    this.ctx ??= new AudioContext();
    await this.ctx.resume().catch(() => undefined);
    this.unlocked = this.ctx.state === 'running';
    return this.unlocked;
  }

  // start rings until it is stopped. hazard: H2 a page takes over from a trial, and an emergency from what is less.
  start(emergency: boolean): void {
    if (this.timer && !this.ends && this.emergency === emergency) return;
    this.stop();
    this.emergency = emergency;
    void this.unlock();
    this.sounding = true;
    this.pulse();
    this.timer = setInterval(() => this.pulse(), 1000);
    navigator.vibrate?.([300, 200, 300]);
  }

  // trial is how a page would sound, for a moment. It does not talk over a page, and its end silences none.
  trial(): void {
    if (this.timer && !this.ends) return;
    this.start(false);
    this.ends = setTimeout(() => this.stop(), TRIAL);
  }

  // chime is the sound of a test page: short, once, and like no page; a page that sounds is not talked over.
  chime(): void {
    if (this.sounding) return;
    void this.unlock().then((may) => {
      if (!may || this.sounding || !this.ctx) return;
      for (const [i, hz] of [523, 659, 784].entries()) this.tone(this.ctx, hz, i * 0.16, 0.13);
    });
    navigator.vibrate?.(120);
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
    if (this.ends) clearTimeout(this.ends);
    this.timer = this.ends = null;
    this.sounding = false;
    navigator.vibrate?.(0);
  }

  // A phone call takes the sound away from the page, so it is asked for again with each pulse.
  private pulse(): void {
    const ctx = this.ctx;
    if (!ctx || ctx.state !== 'running') {
      void this.unlock();
      return;
    }
    const [high, low] = this.emergency ? [988, 740] : [784, 622];
    this.tone(ctx, high ?? 784, 0, 0.22);
    this.tone(ctx, low ?? 622, 0.26, 0.28);
  }

  private tone(ctx: AudioContext, hz: number, after: number, length: number): void {
    const at = ctx.currentTime + after;
    const osc = ctx.createOscillator();
    const gain = ctx.createGain();
    osc.type = 'triangle';
    osc.frequency.value = hz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.6, at + 0.02);
    gain.gain.setValueAtTime(0.6, at + length - 0.05);
    gain.gain.linearRampToValueAtTime(0, at + length);
    osc.connect(gain).connect(ctx.destination);
    osc.start(at);
    osc.stop(at + length + 0.02);
  }
}

export const alarm = new AlarmSound();

// Any first press unlocks the sound, so that a page is heard even when nobody pressed Start shift. With a finger it is the lifting that
// counts as a press, and not every browser agrees about the rest, so all are tried until one has done it.
const presses = ['pointerdown', 'pointerup', 'keydown'];
function pressed(): void {
  void alarm.unlock().then((may) => { if (may) for (const p of presses) removeEventListener(p, pressed, true); });
}
for (const p of presses) addEventListener(p, pressed, true);
