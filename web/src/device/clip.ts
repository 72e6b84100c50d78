// A short film from the app's own camera, in memory only. It ends by itself at its longest and at its largest.

export const longestClip = 60_000;
export const largestClip = 20_000_000;
const PATIENCE = 5000; // ms

const kinds = ['video/mp4;codecs=avc1.42E01E,mp4a.40.2', 'video/webm;codecs=vp8,opus', 'video/webm', 'video/mp4'];

export class Clip {
  readonly silent: boolean;
  private readonly recorder: MediaRecorder;
  private readonly ears: MediaStreamTrack[];
  private readonly parts: Blob[] = [];
  private readonly began = performance.now();
  private size = 0;
  private onfirst: () => void = () => undefined;
  private timer: ReturnType<typeof setInterval> | undefined;

  // Clip records the picture of a camera, with sound when it gets any. onfull is called when it can become no longer, ontick while it goes on.
  constructor(camera: MediaStream, sound: MediaStream | null, most: number, ontick: (ms: number) => void, onfull: () => void) {
    this.ears = sound?.getAudioTracks() ?? [];
    this.silent = this.ears.length === 0;
    const type = kinds.find((k) => MediaRecorder.isTypeSupported(k));
    this.recorder = new MediaRecorder(new MediaStream([...camera.getVideoTracks(), ...this.ears]), { ...(type === undefined ? {} : { mimeType: type }), videoBitsPerSecond: 1_800_000, audioBitsPerSecond: 48_000 });
    this.recorder.ondataavailable = (e) => {
      if (e.data.size === 0) return;
      this.parts.push(e.data);
      this.size += e.data.size;
      this.onfirst();
      if (this.size >= Math.max(most * 0.5, most - 700_000)) onfull(); // a second more may come
    };
    this.recorder.onstop = () => onfull(); // the camera went away
    this.recorder.start(1000);
    this.timer = setInterval(() => {
      ontick(this.ms());
      if (this.ms() >= longestClip) onfull();
    }, 250);
  }

  ms(): number {
    return Math.min(longestClip, performance.now() - this.began);
  }

  // stop ends the film. On a busy computer a short one may not have a single picture yet: it goes on until it has, for a while.
  async stop(): Promise<{ blob: Blob; ms: number }> {
    await this.first();
    const ms = Math.round(this.ms());
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.release();
        const blob = new Blob(this.parts, { type: (this.recorder.mimeType || 'video/webm').split(';')[0] ?? 'video/webm' });
        if (blob.size === 0) reject(new Error('the film is empty'));
        else resolve({ blob, ms });
      };
      this.recorder.onstop = end;
      if (this.recorder.state === 'inactive') end();
      else this.recorder.stop();
    });
  }

  private async first(): Promise<void> {
    if (this.size > 0 || this.recorder.state !== 'recording') return;
    await new Promise<void>((ok) => {
      this.onfirst = ok;
      setTimeout(ok, PATIENCE);
      this.recorder.requestData();
    });
  }

  cancel(): void {
    this.recorder.onstop = null;
    if (this.recorder.state !== 'inactive') this.recorder.stop();
    this.release();
  }

  private release(): void {
    clearInterval(this.timer);
    for (const t of this.ears) t.stop();
  }
}

// measured makes a recording that does not say how long it is find out, so that its player can be moved about in.
export function measured(film: HTMLVideoElement): void {
  film.addEventListener('loadedmetadata', () => {
    if (Number.isFinite(film.duration)) return;
    film.addEventListener('durationchange', () => { film.currentTime = 0; }, { once: true });
    film.currentTime = 1e7;
  }, { once: true });
}
