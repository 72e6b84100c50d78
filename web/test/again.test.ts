import { describe, expect, it } from 'vitest';
import { again } from '../src/ui/again';
import { toast } from '../src/ui/toast.svelte';

describe('a part of the app that does not come', () => {
  const pauses: number[] = [];
  const wait = (ms: number): Promise<void> => { pauses.push(ms); return Promise.resolve(); };

  it('is asked for again with growing pauses, and it is said after a while', async () => {
    let left = 7;
    const part = await again(() => (left-- > 0 ? Promise.reject(new Error('lost')) : Promise.resolve('form')), wait);
    expect(part).toBe('form');
    expect(pauses).toEqual([250, 500, 1000, 2000, 4000, 4000, 4000]);
    expect(toast.notes).toHaveLength(1);
  });

  it('is given up in the end', async () => {
    let asked = 0;
    await expect(again(() => { asked++; return Promise.reject(new Error('gone')); }, wait)).rejects.toThrow('gone');
    expect(asked).toBe(100);
  });
});
