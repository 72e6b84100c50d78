// How an emergency call is worded.

import type { Call, CallStep, Seat, SeatState } from '../api/emergency';
import { span } from './format';
import { t } from '../words/words';

export const seatWord: Record<SeatState, string> = { calling: t('Calling'), reached: t('Reached'), seen: t('Seen'), coming: t('Coming'), here: t('Here'), released: t('Not needed') };
export const seatIcon: Record<SeatState, string> = { calling: 'page', reached: 'phone', seen: 'eye', coming: 'next', here: 'tick', released: 'close' };

export const callTitle = (c: Call): string => `${c.drill ? 'DRILL: ' : ''}${c.team.name}`;

// missing are the required seats that nobody fills.
export const missing = (c: Call): Seat[] => (c.status === 'open' ? c.seats.filter((s) => s.missing && s.state !== 'here' && s.state !== 'coming') : []);

// seatDetail is who fills or is asked to fill a seat, and when.
export function seatDetail(s: Seat, now: number, me: string): string {
  const who = s.user === me ? t('You') : s.name;
  if (s.state === 'here') return who;
  if (s.state === 'coming') return s.eta_at > 0 ? `${who}, ${s.eta_at > now ? t('there in {time}', { time: span(s.eta_at - now) }) : t('expected {time} ago', { time: span(now - s.eta_at) })}` : t('{who}, on the way', { who });
  if (s.state === 'released') return who;
  const as = s.as.name !== '' && s.as.id !== s.post.id ? `, ${s.as.name}` : '';
  const then = s.due_at > now && s.next !== '' ? `. Then ${s.next} in ${span(s.due_at - now)}` : '';
  return `${who === '' ? t('Nobody holds this post') : `${who}${as}`}${then}`;
}

export function stepWords(s: CallStep, me: string): string {
  const who = s.user === me ? t('You') : s.name === '' ? t('nobody') : s.name;
  const seat = s.post_name === '' ? '' : `, ${s.post_name}`;
  switch (s.kind) {
    case 'raised': return t('Raised by {x}', { x: s.user === me ? t('you') : who });
    case 'told': return t('Asked {x}{seat}', { x: s.user === me ? t('you') : who, seat });
    case 'reached': return t('Reached {x} device{seat}', { x: s.user === me ? t('your') : `${who}’s`, seat });
    case 'seen': return t('Seen by {x}{seat}', { x: s.user === me ? t('you') : who, seat });
    case 'coming': return t('{who} coming{seat}', { who, seat });
    case 'missing': return t('Nobody answered{seat}: the switchboard has it', { seat });
    case 'here': return t('{who} here{seat}', { who, seat });
    case 'left': return t('{who} not here any more{seat}', { who, seat });
    case 'leads': return s.user === me ? t('You lead') : t('{who} leads', { who });
    case 'stood_down': return t('Stood down by {x}', { x: s.user === me ? t('you') : who });
    default: return s.kind;
  }
}
