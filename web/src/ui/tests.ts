// What a way of a test came to, in the switchboard's words.

import type { TestWay } from '../api/tests';
import { clockSeconds } from './format';
import { english, t, told } from '../words/words';

export function wayWord(way: string): string {
  const words: Record<string, string> = { app: t('Open app'), push: t('Web Push'), sms: t('Text message'), voice: t('Telephone call'), pager: t('Pager'), email: t('E-mail') };
  return words[way] ?? way;
}

// What the server says of a way that failed; a carrier's own words stay as they came.
export const wayFailures = [english('refused'), english('the carrier cannot be reached'), english('the push service cannot be reached')];

export function wayState(w: TestWay): string {
  if (w.device_at > 0) return t('on a device at {time}', { time: clockSeconds(w.device_at) });
  switch (w.state) {
    case 'offered': return t('not opened');
    case 'due': return t('being tried');
    case 'taken': return t('taken at {time}, not seen on a device', { time: clockSeconds(w.at) });
    case 'arrived': return t('delivered at {time}, says the carrier', { time: clockSeconds(w.at) });
    case 'none': return t('no device allows notifications');
    case 'dropped': return t('not needed any more');
    default: return w.note === '' ? t('failed') : t('failed: {why}', { why: told(w.note) });
  }
}
