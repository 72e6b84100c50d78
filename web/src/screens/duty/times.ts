// Days and times on the trust's walls, which are London's whatever this device says.

import { monthName, weekdayName } from '../../ui/format';

const parts = new Intl.DateTimeFormat('en-GB', { timeZone: 'Europe/London', year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', hour12: false });

// wall writes an instant as 2026-11-24T08:00, as the clock on the wall shows it.
export function wall(ms: number): string {
  const p = Object.fromEntries(parts.formatToParts(ms).map((x) => [x.type, x.value]));
  return `${p['year'] ?? ''}-${p['month'] ?? ''}-${p['day'] ?? ''}T${p['hour'] === '24' ? '00' : (p['hour'] ?? '')}:${p['minute'] ?? ''}`;
}

// fromWall is the instant at which the wall shows a time, the first of two in autumn; 0 for none.
export function fromWall(s: string): number {
  const utc = Date.parse(`${s}:00Z`);
  if (Number.isNaN(utc)) return 0;
  for (const offset of [60, 0]) {
    const at = utc - offset * 60_000;
    if (wall(at) === s.slice(0, 16)) return at;
  }
  return utc; // the hour that is missing in spring
}

export function today(now: number): string {
  return wall(now).slice(0, 10);
}

export function addDays(day: string, n: number): string {
  return new Date(Date.parse(`${day}T12:00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);
}

export function weekday(day: string): number {
  return (new Date(`${day}T12:00:00Z`).getUTCDay() + 6) % 7; // Monday is 0
}

export function dayName(day: string): string {
  const d = new Date(`${day}T12:00:00Z`);
  return `${weekdayName(d.getUTCDay())} ${d.getUTCDate()} ${monthName(d.getUTCMonth())}`;
}

// tonight is the next 02:00.
export function tonight(now: number): number {
  const d = today(now);
  return fromWall(`${wall(now).slice(11) < '02:00' ? d : addDays(d, 1)}T02:00`);
}

export function minutes(hhmm: string): number {
  const [h, m] = hhmm.split(':').map(Number);
  return (h ?? 0) * 60 + (m ?? 0);
}

export function hhmm(n: number): string {
  const m = ((n % 1440) + 1440) % 1440;
  return `${String(Math.floor(m / 60)).padStart(2, '0')}:${String(m % 60).padStart(2, '0')}`;
}
