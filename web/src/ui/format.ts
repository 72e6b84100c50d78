// Dates, times and numbers as a British ward writes them.

import { many, t } from '../words/words';

// One for everything: a phone takes a while to make it, and the app waits for that at its start.
const wall = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', hourCycle: 'h23', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' });

// at is an instant as the trust's walls show it.
function at(ms: number): Partial<Record<Intl.DateTimeFormatPartTypes, string>> {
  return Object.fromEntries(wall.formatToParts(ms).map((p) => [p.type, p.value]));
}

// Not every browser knows Welsh days and months, so they are words like others.
const months = [t('Jan'), t('Feb'), t('Mar'), t('Apr'), t('May'), t('Jun'), t('Jul'), t('Aug'), t('Sep'), t('Oct'), t('Nov'), t('Dec')];
const days = [t('Sun'), t('Mon'), t('Tue'), t('Wed'), t('Thu'), t('Fri'), t('Sat')];
const longDays = [t('Sunday'), t('Monday'), t('Tuesday'), t('Wednesday'), t('Thursday'), t('Friday'), t('Saturday')];
const birthMonths = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ');

const longMonths = [t('January'), t('February'), t('March'), t('April'), t('May|whole month'), t('June'), t('July'), t('August'), t('September'), t('October'), t('November'), t('December')];

// weekdayOf is the day of the week where the trust is, Sunday first.
function weekdayOf(ms: number): number {
  return new Date(`${day(ms)}T12:00:00Z`).getUTCDay();
}

// weekdayName and monthName are short names; Sunday is 0, January is 0.
export function weekdayName(n: number): string {
  return days[n] ?? '';
}

export function monthName(n: number): string {
  return months[n] ?? '';
}

export function longMonth(n: number): string {
  return longMonths[n] ?? '';
}

const clockOf = new Map<number, string>(); // as for days, below

export function clock(ms: number): string {
  if (!(ms > 0)) return '';
  const minute = Math.floor(ms / 60_000);
  let words = clockOf.get(minute);
  if (words === undefined) {
    const w = at(ms);
    words = `${w.hour}:${w.minute}`;
    if (clockOf.size >= 2_000) clockOf.clear();
    clockOf.set(minute, words);
  }
  return words;
}

export function clockSeconds(ms: number): string {
  return ms > 0 ? `${clock(ms)}:${at(ms).second}` : '';
}

const dayOfHour = new Map<number, string>(); // Intl is slow, and a conversation asks for the same few days again and again

// day is the date where the trust is, such as 2026-11-30. A day there begins with an hour of the world's.
export function day(ms: number): string {
  const hour = Math.floor(ms / 3_600_000);
  let d = dayOfHour.get(hour);
  if (d === undefined) {
    const w = at(ms);
    d = `${w.year}-${w.month}-${w.day}`;
    if (dayOfHour.size >= 2_000) dayOfHour.clear();
    dayOfHour.set(hour, d);
  }
  return d;
}

export function date(ms: number): string {
  const [y, m, d] = day(ms).split('-');
  return `${Number(d)} ${months[Number(m) - 1] ?? ''} ${y ?? ''}`;
}

// ago names a moment in a list: the time today, the day this week, the date before that.
export function ago(ms: number, now: number): string {
  if (!(ms > 0)) return '';
  if (day(ms) === day(now)) return clock(ms);
  if (day(ms) === day(now - 86_400_000)) return t('Yesterday');
  if (now - ms < 6 * 86_400_000) return days[weekdayOf(ms)] ?? '';
  return date(ms).replace(` ${day(now).slice(0, 4)}`, '');
}

export function dayTitle(ms: number, now: number): string {
  if (day(ms) === day(now)) return t('Today, {date}', { date: date(ms) });
  if (day(ms) === day(now - 86_400_000)) return t('Yesterday, {date}', { date: date(ms) });
  return `${longDays[weekdayOf(ms)] ?? ''}, ${date(ms)}`;
}

// span is a duration as a clock: 0:14, 3:12, 1:02:05.
export function span(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const h = Math.floor(s / 3600);
  const m = Math.floor(s / 60) % 60;
  const two = (n: number): string => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s % 60)}` : `${m}:${two(s % 60)}`;
}

// spoken is a duration in words, for those who hear the screen.
export function spoken(ms: number): string {
  const s = Math.max(0, Math.round(ms / 1000));
  const m = Math.floor(s / 60);
  const words = [m > 0 ? many(m, '{n} minute', '{n} minutes') : '', s % 60 > 0 || m === 0 ? many(s % 60, '{n} second', '{n} seconds') : ''];
  return words.filter((w) => w !== '').join(' ');
}

// nhs groups a number 3-3-4.
export function nhs(n: string): string {
  const d = n.replace(/\D/g, '');
  return d.length === 10 ? `${d.slice(0, 3)} ${d.slice(3, 6)} ${d.slice(6)}` : n;
}

// born writes 1963-05-02 as 02-May-1963, in every language: it is compared with the wristband and the record, which say it so.
export function born(iso: string): string {
  const [y, m, d] = iso.split('-');
  const name = birthMonths[Number(m) - 1];
  return y && d && name ? `${d}-${name}-${y}` : iso;
}

// until names the end of a duty: today's by its time, another day's with the day.
export function until(ms: number, now: number): string {
  if (!(ms > 0)) return '';
  return day(ms) === day(now) ? clock(ms) : `${(days[weekdayOf(ms)] ?? '')} ${clock(ms)}`;
}

// tomorrowAt is an hour of the next day, by the clock on the trust's wall.
export function tomorrowAt(hour: number, now: number): number {
  const noon = Date.parse(`${day(now)}T12:00:00Z`) + 86_400_000;
  const there = Number(clock(noon).slice(0, 2)); // 12 in winter, 13 in summer
  return noon + (hour - there) * 3_600_000;
}

export function initials(name: string): string {
  const words = name.replace(/\b(Dr|Mr|Mrs|Ms|Miss|Prof|Sister)\.?\s/gi, '').trim().split(/\s+/);
  const one = (w: string | undefined, at: number): string => [...(w ?? '')][at] ?? ''; // by letters: an emoji is two halves otherwise
  const a = one(words[0], 0) || '?';
  const b = words.length > 1 ? one(words.at(-1), 0) : one(words[0], 1);
  return (a + b).toUpperCase();
}

// short is what fits a hexagon or a team's square: W7 for Ward 7, SpR kept whole.
export function short(name: string): string {
  const ward = /\bward\s+(\w{1,2})\b/i.exec(name);
  if (ward) return `W${ward[1] ?? ''}`.toUpperCase();
  const words = name.split(/[\s,]+/).filter((w) => /^[\p{L}\p{N}]/u.test(w) && !/^(and|the|of|on|for|in)$/i.test(w));
  return (words.length > 1 ? (words[0]?.[0] ?? '') + (words[1]?.[0] ?? '') : [...(words[0] ?? '?')].slice(0, 2).join('')).toUpperCase();
}

// hue picks one of six tints, always the same for the same id.
export function hue(id: string): number {
  let h = 0;
  for (let i = 0; i < id.length; i++) h = (h * 31 + id.charCodeAt(i)) >>> 0;
  return (h % 6) + 1;
}
