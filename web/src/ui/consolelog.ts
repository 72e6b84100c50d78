// The switchboard's log in the reader's language. The server says each line as the audit's action and facts, and in English for a file.

import type { LogLine } from '../api/switchboard';
import { t } from '../words/words';

const actions: Record<string, string> = {
  'page.sent': t('page sent'), 'page.reached': t('reached a device'), 'page.second': t('reached a second device'), 'page.tried': t('tried in another way'),
  'page.taken': t('sent out'), 'page.arrived': t('delivered'), 'page.failed': t('not delivered'), 'page.seen': t('seen'), 'page.accepted': t('accepted'),
  'page.declined': t('declined'), 'page.passed': t('passed on'), 'page.withdrawn': t('withdrawn'), 'page.exhausted': t('nobody answered: at the switchboard'),
  'page.redirected': t('handed on'), 'page.coming': t('coming'), 'page.asked': t('asked'), 'page.replied': t('answered'),
  'emergency.raised': t('emergency call'), 'emergency.here': t('here'), 'emergency.left': t('not here any more'), 'emergency.leads': t('leads'),
  'emergency.stood_down': t('emergency call stood down'), 'emergency.team': t('emergency team changed'),
  'switchboard.call': t('telephone call'), 'switchboard.page': t('page for a caller'), 'switchboard.numbers': t('numbers looked at'),
  'testpage.rules': t('test page changed'), 'testpage.begun': t('test page begun'), 'testpage.ended': t('test page ended'), 'testpage.not_run': t('test page was not run'),
  'testpage.telephone': t('post tested by telephone'), 'testpage.void': t('test page given up: the clock was set back'),
};
const outcomes: Record<string, string> = { coming: t('spoken to, coming'), cannot_come: t('spoken to, cannot come'), no_answer: t('no answer'), message_left: t('message left') };

// whatOf is what was done.
export function whatOf(l: LogLine): string {
  return actions[l.code] ?? l.action;
}

// detailOf is to whom, and what came of it.
export function detailOf(l: LogLine): string {
  return l.facts.map((f) => (f.kind === 'outcome' ? (outcomes[f.value] ?? f.value) : f.kind === 'for' ? t('for {name}', { name: f.value }) : f.value)).join(', ');
}
