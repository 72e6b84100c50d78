// How the steps of a page are worded. Sent, reached, seen and accepted are different words and never merged.

import type { Page, PageStep, StepKind } from '../api/types';
import { clock, clockSeconds } from './format';
import { because } from './reasons';
import { english, many, t, told } from '../words/words';

export interface CardStep { key: string; kind: StepKind | 'next'; word: string; detail: string; next: boolean; pass: boolean }

const words: Record<StepKind, string> = {
  sent: t('Sent'), reached: t('Reached device'), seen: t('Seen'), declined: t('Declined'), passed: t('Passed on'),
  accepted: t('Accepted'), withdrawn: t('Withdrawn'), exhausted: t('At switchboard'),
  tried: t('Trying'), taken: t('Sent out'), arrived: t('Delivered'), failed: t('Not delivered'),
  second: t('Second device'),
  redirected: t('Handed on'), coming: t('Coming'), asked: t('Asks'), replied: t('Answers'),
};

export function cardSteps(p: Page): CardStep[] {
  const out: CardStep[] = p.steps.map((s, i) => ({
    key: `${i}`, kind: s.kind, word: s.kind === 'failed' && s.note === `push: ${noDevice}` ? t('Not possible') : words[s.kind], detail: detail(s), next: false,
    pass: s.kind === 'passed' || s.kind === 'declined' || s.kind === 'exhausted' || s.kind === 'redirected',
  }));
  if (p.status === 'open' && !p.exhausted) {
    const who = everybody(p);
    out.push({ key: 'now', kind: 'next', word: t('Not accepted yet'), detail: t('Waiting for {who}', { who }), next: true, pass: false });
  }
  return out;
}

// everybody is who is asked to answer a page now.
export function everybody(p: Page): string {
  const first = p.current.name === '' ? p.current.post.name : p.current.name;
  return [first, ...(p.current.with ?? []).map((c) => c.name)].join(', ');
}

// talk is what the holder has asked and the sender has answered; question is what waits for the sender's answer.
export const talk = (p: Page): PageStep[] => p.steps.filter((s) => s.kind === 'asked' || s.kind === 'replied');
export function question(p: Page): PageStep | undefined {
  const last = talk(p).at(-1);
  return p.status === 'open' && last?.kind === 'asked' ? last : undefined;
}

function detail(s: PageStep): string {
  if (s.kind === 'asked' || s.kind === 'replied') return `“${s.note}” ${s.name}, ${clock(s.at)}`;
  if (s.kind === 'redirected') return t('to {name}, {at}', { name: s.post_name, at: clock(s.at) });
  if (carried(s.kind)) return [way(s), ...reasons(s), clockSeconds(s.at)].join(', ');
  const at = s.kind === 'sent' ? clockSeconds(s.at) : clock(s.at);
  if (s.kind === 'sent') return at;
  if (s.kind === 'exhausted') return at;
  const name = s.name === '' ? s.post_name : s.name;
  return s.kind === 'passed' ? t('to {name}, {at}', { name, at }) : `${name}, ${clockSeconds(s.at)}`;
}

export function stepIcon(kind: StepKind): string {
  const icons: Record<StepKind, string> = {
    sent: 'page', reached: 'phone', seen: 'eye', declined: 'close', passed: 'passon', accepted: 'tick', withdrawn: 'close', exhausted: 'siren',
    second: 'phone',
    tried: 'clock', taken: 'phone', arrived: 'phone', failed: 'bang',
    redirected: 'passon', coming: 'tick', asked: 'chats', replied: 'chats',
  };
  return icons[kind];
}

// carried is for what became of telling somebody by push, text message, call, pager or e-mail; its note begins with which.
const carried = (kind: StepKind): boolean => kind === 'tried' || kind === 'taken' || kind === 'arrived' || kind === 'failed';
const way = (s: PageStep): string => told(s.note.split(': ')[0] ?? '');
const reasons = (s: PageStep): string[] => s.note.split(': ').slice(1).map(told);
const pushed = (s: PageStep): boolean => carried(s.kind) && s.note.split(': ')[0] === 'push';
const noDevice = english('no device has notifications on');

// The server's words for what a device is: told() finds them, and never what somebody has called theirs.
export const deviceWords = [english('phone'), english('tablet'), english('computer')];
const device = (s: PageStep): string => upper(told(s.note));

function pushTitle(s: PageStep): string {
  if (s.kind === 'taken') return t('Push accepted');
  if (s.kind === 'tried') return t('Push tried');
  return s.note.endsWith(noDevice) ? t('Push not possible') : t('Push not delivered');
}
const upper = (w: string): string => w.charAt(0).toUpperCase() + w.slice(1);

export function stepTitle(p: Page, s: PageStep, me: string): string {
  const you = s.user === me;
  const name = you ? t('you') : s.name === '' ? s.post_name : s.name;
  if (pushed(s)) return pushTitle(s);
  switch (s.kind) {
    case 'sent': return p.from.user === me ? t('You sent it') : t('Sent by {name}', { name: p.from.name });
    case 'reached': return you ? t('Reached your device') : t('Reached {name}’s device', { name });
    case 'second': return you ? t('Reached a second device of yours') : t('Reached a second device of {name}', { name });
    case 'seen': return t('Seen by {name}', { name });
    case 'declined': return you ? t('You could not come') : t('{name} could not come', { name });
    case 'passed': return t('Passed on to {name}', { name });
    case 'accepted': return t('Accepted by {name}', { name });
    case 'withdrawn': return you ? t('You withdrew it') : t('Withdrawn by {name}', { name });
    case 'exhausted': return t('Nobody answered: the switchboard has it');
    case 'redirected': return you ? t('You handed it to {post}', { post: s.post_name }) : t('{name} handed it to {post}', { name, post: s.post_name });
    case 'coming': return you ? t('You are coming') : t('{name} is coming', { name });
    case 'asked': return you ? t('You asked {name}', { name: p.from.name }) : t('{name} asks', { name });
    case 'replied': return you ? t('You answered') : t('{name} answered', { name });
    case 'tried': return t('Trying {name} by {way}', { name, way: way(s) });
    case 'taken': return t('{way} sent out', { way: upper(way(s)) });
    case 'arrived': return t('{way} delivered', { way: upper(way(s)) });
    case 'failed': return t('{way} not delivered', { way: upper(way(s)) });
  }
}

export function stepNote(p: Page, s: PageStep): string {
  const said = s.why ? upper(because(s.why, s.note)) : s.note === '' ? '' : `“${s.note}”`;
  if (s.kind === 'sent') return t('To {name}{firstHolder}', { name: p.post.name, firstHolder: firstHolder(p) });
  if (pushed(s) && s.kind === 'taken') return s.user === '' || s.name === '' ? '' : t('The push service has it for {name}', { name: s.name });
  if (carried(s.kind)) return upper(reasons(s)[0] ?? '');
  if (s.kind === 'reached' || s.kind === 'second') return device(s);
  if (s.kind === 'passed') return [s.post_name, said].filter((x) => x !== '').join(' · ');
  if (s.kind === 'coming' && p.quorum) return t('{n} of {quorum} who are needed', { n: nth(p, s), quorum: p.quorum });
  if (s.kind === 'accepted' && p.accepted && p.accepted.eta_minutes > 0) return many(p.accepted.eta_minutes, 'Coming in {n} minute', 'Coming in {n} minutes');
  return said;
}

const nth = (p: Page, s: PageStep): number => p.steps.filter((x) => x.kind === 'coming' && x.at <= s.at).length;

function firstHolder(p: Page): string {
  const first = p.steps.find((s) => s.kind === 'reached' || s.kind === 'seen');
  if (first && first.name !== '') return `: ${first.name}`;
  return p.current.rung === 0 && p.current.name !== '' ? `: ${p.current.name}` : '';
}

// headline is what a page is about, short: the place or the patient's bed, and the matter.
export function headline(p: Page): string {
  const bed = p.patient ? bedName(p.patient.plate) : p.where;
  return [bed, p.what].filter((s) => s !== '').join(' · ');
}

// bedName says a plate: B4 and 4 are both Bed 4.
export function bedName(plate: string): string {
  return t('Bed {replace}', { replace: plate.replace(/^B(?=\d)/, '') });
}

export const needs = { attend: t('Please attend'), ring: t('Please ring'), advise: t('Advice needed'), cover: t('Please see that it is held') } as const;
