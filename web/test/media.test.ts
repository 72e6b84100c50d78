import { describe, expect, it } from 'vitest';
import { layersOf, thin } from '../src/mx/layers';
import { isVoice, mediaOf, sizeWords } from '../src/mx/media';
import { fileWord, readable, refusal } from '../src/ui/files';
import { bars, sent } from '../src/ui/wave';

describe('what a message carries', () => {
  it('reads a photo, and gives one without a size a shape', () => {
    const m = mediaOf({ msgtype: 'm.image', body: 'x', url: 'mxc://a/b', info: { w: 800, h: 600, 'uk.wardline.thumbhash': 'HBkSHYSIeHiPiHh8eJd4eTN0EEQG' } });
    expect(m).toMatchObject({ kind: 'photo', w: 800, h: 600, hash: 'HBkSHYSIeHiPiHh8eJd4eTN0EEQG' });
    expect(mediaOf({ msgtype: 'm.image', url: 'mxc://a/b', info: { w: 800 } })).toMatchObject({ w: 4, h: 3, hash: '' });
  });

  it('takes no hash that is none, and no address that is not a file of a server', () => {
    expect(mediaOf({ msgtype: 'm.image', url: 'mxc://a/b', info: { 'uk.wardline.thumbhash': '<script>' } })?.hash).toBe('');
    expect(mediaOf({ msgtype: 'm.image', url: 'https://a/b' })).toBeNull();
    expect(mediaOf({ msgtype: 'm.text', url: 'mxc://a/b' })).toBeNull();
  });

  it('tells a voice note from a sound file', () => {
    const note = { msgtype: 'm.audio', body: 'Voice note, 0:02', url: 'mxc://a/b', 'org.matrix.msc3245.voice': {}, 'org.matrix.msc1767.audio': { duration: 2000, waveform: [0, 512, 9999, 'x'] } };
    expect(isVoice(note)).toBe(true);
    expect(mediaOf(note)).toMatchObject({ kind: 'voice', ms: 2000, wave: [0, 0.5, 1, 0] });
    expect(mediaOf({ msgtype: 'm.audio', body: 'a.mp3', url: 'mxc://a/b' })).toMatchObject({ kind: 'doc', name: 'a.mp3' });
  });

  it('shows a file’s real ending, whichever way its letters are turned', () => {
    expect(mediaOf({ msgtype: 'm.file', body: 'letter\u202Efdp.exe', url: 'mxc://a/b' })?.name).toBe('letterfdp.exe');
    expect(mediaOf({ msgtype: 'm.file', body: '\u0000', url: 'mxc://a/b' })?.name).toBe('File');
  });

  it('says sizes as people do', () => {
    expect([sizeWords(0), sizeWords(312), sizeWords(2_400), sizeWords(999_700), sizeWords(2_440_000), sizeWords(52_000_000)]).toEqual(['', '312 bytes', '2 kB', '1.0 MB', '2.4 MB', '52 MB']);
  });
});

describe('a waveform', () => {
  it('keeps the loudest moment of each bar, and goes on the wire in at most 100 whole numbers', () => {
    expect(bars([0, 1, 0, 0.5], 2)).toEqual([1, 0.5]);
    expect(bars([], 3)).toEqual([0.25, 0.25, 0.25]);
    const w = sent(Array.from({ length: 1234 }, (_, i) => i / 1234));
    expect(w).toHaveLength(100);
    expect(w.every((n) => Number.isInteger(n) && n >= 0 && n <= 1024)).toBe(true);
  });
});

describe('files', () => {
  it('refuses what runs, whatever its name looks like at first', () => {
    for (const name of ['a.exe', 'letter.pdf.JS', 'page.html', 'drawing.svg', 'macro.docm']) expect(refusal(name, 10, 100)).toContain('left out');
    expect(refusal('letter.pdf', 10, 100)).toBe('');
    expect(refusal('letter.pdf', 0, 100)).toContain('empty');
    expect(refusal('letter.pdf', 2_000_000, 1_000_000)).toContain('1 MB');
  });

  it('knows what is read in place', () => {
    expect(readable('a.pdf', 'application/pdf')).toBe('pdf');
    expect(readable('a.pdf', '')).toBe('pdf');
    expect(readable('obs.csv', 'text/csv')).toBe('text');
    expect(readable('a.html', 'text/html')).toBe('');
    expect(readable('a.pdf', 'text/html')).toBe('');
    expect(readable('a.docx', 'application/octet-stream')).toBe('');
    expect(fileWord('a.docx', '')).toBe('Word document');
    expect(fileWord('noname', '')).toBe('File of an unknown kind');
  });
});

describe('marks on a photo', () => {
  it('reads arrows and lines, and leaves out what is none', () => {
    const marks = [{ kind: 'arrow', points: [[0, 0], [10000, 5000]] }, { kind: 'arrow', points: [[0, 0]] }, { kind: 'line', points: [[1, 1], [2, 2], [99999, 0]] }, { kind: 'block', points: [[0, 0], [1, 1]] }, null];
    const l = layersOf({ 'uk.wardline.layers': { marks, url: 'https://elsewhere/x', of: '$a' } });
    expect(l).toEqual({ marks: [{ kind: 'arrow', points: [[0, 0], [10000, 5000]] }, { kind: 'line', points: [[1, 1], [2, 2]] }], plain: '', of: '$a' });
    expect(layersOf({ 'uk.wardline.layers': { marks: [] } })).toBeNull();
    expect(layersOf({})).toBeNull();
  });

  it('a line drawn slowly is no larger than one drawn fast', () => {
    const slow = Array.from({ length: 5000 }, (_, i): [number, number] => [i * 2, i * 2]);
    const out = thin(slow);
    expect(out.length).toBeLessThanOrEqual(400);
    expect([out[0], out.at(-1)]).toEqual([[0, 0], [9998, 9998]]);
  });
});
