// How loud a voice note is, as bars.

// bars makes n bars, each as high as the loudest moment that it stands for. A note of which nothing is known is level.
export function bars(wave: number[], n: number): number[] {
  if (wave.length === 0) return new Array<number>(n).fill(0.25);
  return Array.from({ length: n }, (_, i) => {
    const from = Math.floor((i * wave.length) / n);
    const to = Math.max(from + 1, Math.floor(((i + 1) * wave.length) / n));
    return Math.max(...wave.slice(from, to), 0);
  });
}

// level turns samples around zero into 0 to 1, so that a quiet voice is seen as well.
export function level(samples: Float32Array): number {
  let sum = 0;
  for (const s of samples) sum += s * s;
  return Math.min(1, Math.sqrt(Math.sqrt(sum / Math.max(1, samples.length))) * 1.3);
}

// sent is a waveform as it goes on the wire: at most 100 whole numbers from 0 to 1024.
export function sent(wave: number[]): number[] {
  return bars(wave, Math.min(100, Math.max(1, wave.length))).map((v) => Math.round(v * 1024));
}
