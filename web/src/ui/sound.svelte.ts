// One voice plays at a time, whichever bubble it is in. What it needs is fetched whole when it is first played, so that it can be moved
// about in and heard again without a network.

import { explain } from './acts';
import { t } from '../words/words';

type Source = () => Promise<Blob>;

const speeds = [1, 1.5, 2];

class Sound {
  key = $state(''); // which note is at hand
  playing = $state(false);
  loading = $state(false);
  at = $state(0); // milliseconds from its beginning
  total = $state(0);
  failed = $state('');
  speed = $state(1);
  private audio: HTMLAudioElement | null = null;
  private url = '';
  private frame = 0;

  // toggle plays a note, or stops where it is.
  async toggle(key: string, source: Source, ms: number): Promise<void> {
    if (this.key === key && this.playing) {
      this.pause();
      return;
    }
    const audio = await this.take(key, source, ms);
    if (!audio) return;
    if (this.at >= this.total - 50) audio.currentTime = this.at = 0;
    await this.play(audio);
  }

  // seek goes to a moment of a note, and leaves it playing or not as it was.
  async seek(key: string, source: Source, ms: number, to: number): Promise<void> {
    const audio = await this.take(key, source, ms);
    if (!audio) return;
    this.at = Math.min(Math.max(0, to), this.total);
    audio.currentTime = this.at / 1000;
  }

  pause(): void {
    this.audio?.pause();
  }

  // leave lets go of a note whose bubble is gone.
  leave(key: string): void {
    if (this.key === key) this.drop();
  }

  faster(): void {
    this.speed = speeds[(speeds.indexOf(this.speed) + 1) % speeds.length] ?? 1;
    if (this.audio) this.audio.playbackRate = this.speed;
  }

  private async play(audio: HTMLAudioElement): Promise<void> {
    audio.playbackRate = this.speed;
    try {
      await audio.play();
    } catch (e) {
      if (e instanceof DOMException && e.name === 'AbortError') return; // stopped before it began
      this.failed = t('This browser cannot play it.');
    }
  }

  private async take(key: string, source: Source, ms: number): Promise<HTMLAudioElement | null> {
    if (this.key === key && this.audio) return this.audio;
    this.drop();
    this.key = key;
    this.total = ms;
    this.loading = true;
    try {
      const url = URL.createObjectURL(await source());
      if (this.key !== key) {
        URL.revokeObjectURL(url);
        return null;
      }
      this.url = url;
      const audio = new Audio(url);
      audio.onplay = () => { this.playing = true; this.follow(); };
      audio.onpause = () => { this.playing = false; };
      audio.onended = () => { this.playing = false; this.at = this.total; };
      await ready(audio);
      if (this.key !== key) return null;
      if (Number.isFinite(audio.duration) && audio.duration > 0) this.total = audio.duration * 1000;
      this.audio = audio;
      return audio;
    } catch (e) {
      if (this.key === key) this.failed = e instanceof Error && e.name === 'WireError' ? explain(e, t('The voice note was not fetched')) : t('This browser cannot play it.');
      return null;
    } finally {
      if (this.key === key) this.loading = false;
    }
  }

  private follow(): void {
    cancelAnimationFrame(this.frame);
    const look = (): void => {
      if (!this.audio || !this.playing) return;
      this.at = Math.min(this.audio.currentTime * 1000, this.total);
      this.frame = requestAnimationFrame(look);
    };
    look();
  }

  private drop(): void {
    this.audio?.pause();
    this.audio?.removeAttribute('src');
    this.audio = null;
    if (this.url !== '') URL.revokeObjectURL(this.url);
    this.url = this.key = this.failed = '';
    this.playing = this.loading = false;
    this.at = 0;
  }
}

export const sound = new Sound();

// ready waits until a recording can be played and moved about in. What a browser recorded itself does not say how long it is; looking
// far beyond its end makes the browser find out.
function ready(audio: HTMLAudioElement): Promise<void> {
  return new Promise((resolve, reject) => {
    audio.onerror = () => reject(new Error('cannot be played'));
    audio.onloadedmetadata = () => {
      if (Number.isFinite(audio.duration)) {
        resolve();
        return;
      }
      audio.ondurationchange = () => {
        if (!Number.isFinite(audio.duration)) return;
        audio.ondurationchange = null;
        audio.onseeked = () => { audio.onseeked = null; resolve(); };
        audio.currentTime = 0;
      };
      audio.currentTime = 1e7;
    };
    audio.preload = 'auto';
    audio.load();
  });
}
