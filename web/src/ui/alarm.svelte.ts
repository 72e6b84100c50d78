// The sound of a page: two tones, pulsed once a second, until somebody acts. Browsers let a page make sound only after
// the person has touched it, which is why a shift begins with a button.

class AlarmSound {
  sounding = $state(false);
  unlocked = $state(false);
  private ctx: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | null = null;

  // unlock must run inside a press or a key; afterwards an alarm can ring by itself.
  async unlock(): Promise<boolean> {
    this.ctx ??= new AudioContext();
    await this.ctx.resume().catch(() => undefined);
    this.unlocked = this.ctx.state === 'running';
    return this.unlocked;
  }

  start(emergency: boolean): void {
    if (this.timer) return;
    void this.unlock();
    this.sounding = true;
    this.pulse(emergency);
    this.timer = setInterval(() => this.pulse(emergency), 1000);
    navigator.vibrate?.([300, 200, 300]);
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
    this.timer = null;
    this.sounding = false;
    navigator.vibrate?.(0);
  }

  private pulse(emergency: boolean): void {
    const ctx = this.ctx;
    if (!ctx || ctx.state !== 'running') return;
    const [high, low] = emergency ? [988, 740] : [784, 622];
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

// Any first press unlocks the sound, so that a page is heard even when nobody pressed Start shift.
addEventListener('pointerdown', () => void alarm.unlock(), { once: true, capture: true });
addEventListener('keydown', () => void alarm.unlock(), { once: true, capture: true });
