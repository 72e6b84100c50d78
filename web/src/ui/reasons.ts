// What the server says for reasons of its own comes as a code with its facts, beside an English sentence for every other client. Here are
// the words for the codes; of a code that this app does not know, the sentence is shown.

import type { Reason, Way } from '../api/types';
import { many, t, told } from '../words/words';

// because is a reason in the reader's language. It begins small, because it mostly stands behind something.
export function because(why: Reason | undefined, sentence: string): string {
  const name = why?.name ?? '';
  switch (why?.code) {
    case 'no_answer': return t('no answer');
    case 'changed_hands': return t('the post changed hands');
    case 'more_needed': return t('more people are needed');
    case 'redirected': return t('handed on by {name}', { name });
    case 'declined': return t('nobody is left who can come');
    case 'empty': return name === '' ? t('nobody holds it') : t('nobody holds {name}', { name });
    case 'asked': return t('{name} has been asked, or sent it', { name });
    case 'off_duty': return t('{name} is off duty', { name });
    case 'sterile': return name === '' ? t('in a sterile procedure') : t('{name} is in a sterile procedure', { name });
    case 'teaching': return name === '' ? t('teaching') : t('{name} is teaching', { name });
    case 'rest': return name === '' ? t('on protected rest') : t('{name} is on protected rest', { name });
    case 'other_seat': return t('{name} comes in another seat', { name });
    case 'there': return t('in {n} min', { n: why.minutes ?? 0 });
    case 'unpageable': return t('this post cannot be paged');
    case 'moved': return t('was with {name}', { name });
    default: return sentence;
  }
}

// for how long, in one unit.
function long(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return t('{n} s', { n: s });
  if (s < 3600) return t('{n} min', { n: Math.floor(s / 60) });
  return t('{n} h', { n: Math.floor(s / 3600) });
}

const carriers: Record<string, () => string> = { sms: () => t('text message'), voice: () => t('call'), pager: () => t('pager'), email: () => t('e-mail') };

// reached says how somebody can be reached in one way.
export function reached(w: Way): string {
  const ms = w.ms ?? 0;
  switch (w.code) {
    case 'open': return t('open now');
    case 'seen': return t('last open {time} ago', { time: long(ms) });
    case 'closed': return t('not open');
    case 'devices': return many(w.n ?? 0, 'a device will be notified', '{n} devices will be notified');
    case 'failing': return t('not answering for {time}', { time: long(ms) });
    case 'none': return t('no device has notifications on');
    case 'after': {
      const way = carriers[w.via]?.();
      if (way === undefined) return w.detail;
      return ms === 0 ? t('{way} at once', { way }) : t('{way} after {time}', { way, time: long(ms) });
    }
    default: return told(w.detail);
  }
}
