// Patients looked at in this session, in memory only: the list on the device holds a name and a bed, nothing more.

import { clinic } from '../app';
import type { Patient } from '../api/types';

const cards = new Map<string, { at: number; card: Promise<Patient> }>();
const FRESH = 5 * 60_000;

export function patientCard(id: string): Promise<Patient> {
  const old = cards.get(id);
  if (old && Date.now() - old.at < FRESH) return old.card;
  const card = clinic.patient(id);
  cards.set(id, { at: Date.now(), card });
  card.catch(() => cards.delete(id));
  return card;
}

// fullName is SURNAME, First (title).
export function fullName(p: Patient): string {
  const title = p.title === '' ? '' : ` (${p.title})`;
  return `${p.family.toLocaleUpperCase('en-GB')}, ${p.given}${title}`;
}
