// Records what is said, in memory only: nothing of it is ever a file of the phone. The microphone is let go of at the end, whatever the
// end is. Look first at start.

import { level } from '../ui/wave';
import { t } from '../words/words';

export const longestNote = 5 * 60_000;

const kinds = ['audio/mp4;codecs=mp4a.40.2', 'audio/webm;codecs=opus', 'audio/ogg;codecs=opus', 'audio/mp4'];
const every = 80; // milliseconds between two looks at how loud it is

export interface Recording { blob: Blob; ms: number; wave: number[] }

// refusedWords says what to do when a microphone or camera cannot be had.
export function refusedWords(e: unknown, device: 'camera' | 'microphone'): string {
  const what = device === 'camera' ? t('camera') : t('microphone');
  const why = e instanceof DOMException ? e.name : '';
  if (why === 'NotAllowedError' || why === 'SecurityError') return t('The {what} is not allowed. Press the lock or the slider beside the address, allow the {what}, and try again.', { what });
  if (why === 'NotFoundError' || why === 'OverconstrainedError') return t('This device has no {what}.', { what });
  if (why === 'NotReadableError' || why === 'AbortError') return t('The {what} is in use by something else. Close that and try again.', { what });
  return t('This browser gives the app no {what}.', { what });
}

export class Recorder {
  wave: number[] = [];
  onlevel: (wave: number[], ms: number) => void = () => {};
  onfull: () => void = () => {}; // the longest note is reached, or the microphone went away
  private began = 0;
  private stream: MediaStream | null = null;
  private recorder: MediaRecorder | null = null;
  private ears: AudioContext | null = null;
  private timer: ReturnType<typeof setInterval> | undefined;
  private gone = false;
  private readonly heard: Blob[] = [];

  // start asks for the microphone and records. It fails as getUserMedia does.
  async start(): Promise<void> {
    if (!navigator.mediaDevices?.getUserMedia || typeof MediaRecorder === 'undefined') throw new DOMException('none', 'NotSupportedError');
    const stream = await navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: true, noiseSuppression: true, channelCount: 1 }, video: false });
    if (this.gone) {
      for (const track of stream.getTracks()) track.stop();
      throw new DOMException('cancelled', 'AbortError');
    }
    this.stream = stream;
    const type = kinds.find((k) => MediaRecorder.isTypeSupported(k));
    this.recorder = new MediaRecorder(stream, { ...(type === undefined ? {} : { mimeType: type }), audioBitsPerSecond: 32_000 });
    this.ears = new AudioContext();
    void this.ears.resume().catch(() => undefined); // without it a phone shows no waveform, and records all the same
    const look = this.ears.createAnalyser();
    look.fftSize = 1024;
    this.ears.createMediaStreamSource(stream).connect(look);
    const samples = new Float32Array(look.fftSize);
    for (const track of stream.getTracks()) track.onended = () => this.onfull();
    this.recorder.ondataavailable = (e) => { if (e.data.size > 0) this.heard.push(e.data); };
    this.recorder.start(1000); // second by second, so that what ends by itself is not lost
    this.began = performance.now();
    this.timer = setInterval(() => {
      look.getFloatTimeDomainData(samples);
      this.wave.push(level(samples));
      this.onlevel(this.wave, this.ms());
      if (this.ms() >= longestNote) this.onfull();
    }, every);
  }

  ms(): number {
    return this.began === 0 ? 0 : Math.min(longestNote, performance.now() - this.began);
  }

  // stop ends the recording and answers it, also when the microphone went away by itself.
  stop(): Promise<Recording> {
    const r = this.recorder;
    const ms = Math.round(this.ms());
    if (!r) return Promise.reject(new Error('nothing is recorded'));
    return new Promise((resolve, reject) => {
      const end = (): void => {
        this.cancel();
        const blob = new Blob(this.heard, { type: (r.mimeType || 'audio/webm').replace(/\s/g, '') });
        if (blob.size === 0) reject(new Error('the recording is empty'));
        else resolve({ blob, ms, wave: this.wave });
      };
      r.onstop = end;
      if (r.state === 'inactive') end();
      else r.stop();
    });
  }

  // cancel lets go of the microphone.
  cancel(): void {
    this.gone = true;
    clearInterval(this.timer);
    for (const track of this.stream?.getTracks() ?? []) {
      track.onended = null;
      track.stop();
    }
    this.stream = null;
    if (this.recorder && this.recorder.state !== 'inactive') this.recorder.stop();
    void this.ears?.close().catch(() => undefined);
    this.ears = null;
  }
}
