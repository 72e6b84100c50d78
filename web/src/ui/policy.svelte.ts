// What the trust allows, as the server says. Until it has said so, nothing is promised and nothing forbidden: the server decides.

import { clinic } from '../app';
import type { Policy } from '../api/types';
import { t } from '../words/words';

class TrustPolicy {
  now = $state.raw<Policy | null>(null);
  private asking: Promise<void> | null = null;

  load(): Promise<void> {
    if (this.now) return Promise.resolve();
    this.asking ??= clinic.policy().then((p) => { this.now = p; }, () => undefined).finally(() => { this.asking = null; });
    return this.asking;
  }
}

export const policy = new TrustPolicy();

const other = (cls: string): string => (cls === '' ? 'other' : cls);

export function mayCopy(cls: string): boolean {
  return policy.now?.copy?.includes(other(cls)) ?? true;
}

// whyNot says why a message may not go from one kind of conversation to another, empty when it may.
export function whyNot(from: string, to: string, samePatient: boolean): string {
  const may = policy.now?.forward?.[other(from)];
  if (may && !may.includes(other(to))) {
    if (from === 'incident') return t('What is said about an incident stays there');
    if (to === 'patient-contact') return t('A patient reads there');
    if (['clinical', 'patient-contact'].includes(from)) return t('Nothing about patients goes there');
    return t('Not from this kind of conversation');
  }
  return samePatient ? '' : t('It is about another patient');
}

export const classWords: Record<string, { word: string; means: string }> = {
  clinical: { word: t('Clinical'), means: t('Care of patients. Kept with the record, and what is decided is filed.') },
  team: { word: t('Team'), means: t('Work among colleagues. Patients may be named where care needs it.') },
  social: { word: t('Social'), means: t('Never about patients. Nothing from clinical conversations can be forwarded here.') },
  'patient-contact': { word: t('Patient reads here'), means: t('A patient or carer is in this conversation: write to them, not about them.') },
  incident: { word: t('Incident'), means: t('About one incident. What is said stays here and is kept as evidence.') },
  '': { word: t('Other'), means: t('Made with another app. Treat it as social: never about patients.') },
};
