// How an emergency call is worded.

import type { Call, CallStep, Seat, SeatState } from '../api/emergency';
import { span } from './format';

export const seatWord: Record<SeatState, string> = { calling: 'Calling', reached: 'Reached', seen: 'Seen', coming: 'Coming', here: 'Here', released: 'Not needed' };
export const seatIcon: Record<SeatState, string> = { calling: 'page', reached: 'phone', seen: 'eye', coming: 'next', here: 'tick', released: 'close' };

export const callTitle = (c: Call): string => `${c.drill ? 'DRILL: ' : ''}${c.team.name}`;

// missing are the required seats that nobody fills.
export const missing = (c: Call): Seat[] => (c.status === 'open' ? c.seats.filter((s) => s.missing && s.state !== 'here' && s.state !== 'coming') : []);

// seatDetail is who fills or is asked to fill a seat, and when.
export function seatDetail(s: Seat, now: number, me: string): string {
  const who = s.user === me ? 'You' : s.name;
  if (s.state === 'here') return who;
  if (s.state === 'coming') return s.eta_at > 0 ? `${who}, ${s.eta_at > now ? `there in ${span(s.eta_at - now)}` : `expected ${span(now - s.eta_at)} ago`}` : `${who}, on the way`;
  if (s.state === 'released') return who;
  const as = s.as.name !== '' && s.as.id !== s.post.id ? `, ${s.as.name}` : '';
  const then = s.due_at > now && s.next !== '' ? `. Then ${s.next} in ${span(s.due_at - now)}` : '';
  return `${who === '' ? 'Nobody holds this post' : `${who}${as}`}${then}`;
}

export function stepWords(s: CallStep, me: string): string {
  const who = s.user === me ? 'You' : s.name === '' ? 'nobody' : s.name;
  const seat = s.post_name === '' ? '' : `, ${s.post_name}`;
  switch (s.kind) {
    case 'raised': return `Raised by ${who === 'You' ? 'you' : who}`;
    case 'told': return `Asked ${who === 'You' ? 'you' : who}${seat}`;
    case 'reached': return `Reached ${who === 'You' ? 'your' : `${who}’s`} device${seat}`;
    case 'seen': return `Seen by ${who === 'You' ? 'you' : who}${seat}`;
    case 'coming': return `${who} coming${seat}`;
    case 'missing': return `Nobody answered${seat}: the switchboard has it`;
    case 'here': return `${who} here${seat}`;
    case 'left': return `${who} not here any more${seat}`;
    case 'leads': return `${who} ${who === 'You' ? 'lead' : 'leads'}`;
    case 'stood_down': return `Stood down by ${who === 'You' ? 'you' : who}`;
    default: return s.kind;
  }
}
