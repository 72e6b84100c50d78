// Signing another device out. The server asks for the password on the way, with a 401 that is a question and not the end of the session,
// so this does not go through the wire.

import { engine } from '../app';
import { WireError } from '../mx/http';
import { t, told } from '../words/words';

async function ask(path: string, body: unknown): Promise<{ status: number; value: Record<string, unknown> }> {
  let answer: Response;
  try {
    answer = await fetch(path, { method: 'DELETE', credentials: 'same-origin', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
  } catch {
    throw new WireError(0, 'OFFLINE', t('No connection. Try again once the network is back.'));
  }
  const value: unknown = await answer.json().catch(() => ({}));
  return { status: answer.status, value: (typeof value === 'object' && value !== null ? value : {}) as Record<string, unknown> };
}

// Elsewhere says that this person proves who they are at their identity provider, at an address of this server's; then the call is made
// again with the session and no password.
export class Elsewhere extends Error {
  readonly url: string;
  readonly session: string;
  constructor(session: string) {
    super('elsewhere');
    this.session = session;
    this.url = `/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${encodeURIComponent(session)}`;
  }
}

function onlyElsewhere(flows: unknown): boolean {
  const list = Array.isArray(flows) ? (flows as { stages?: string[] }[]) : [];
  return list.length > 0 && !list.some((f) => f.stages?.[0] === 'm.login.password');
}

// askDevice begins to sign a device out, and says how this person must prove that it is they.
export async function askDevice(device: string): Promise<Elsewhere | null> {
  const r = await ask(`/_matrix/client/v3/devices/${encodeURIComponent(device)}`, {});
  if (r.status === 401 && onlyElsewhere(r.value['flows'])) return new Elsewhere(String(r.value['session'] ?? ''));
  return null;
}

// confirmedElsewhere signs a device out for whoever has proved it at their provider.
export async function confirmedElsewhere(device: string, session: string): Promise<void> {
  const r = await ask(`/_matrix/client/v3/devices/${encodeURIComponent(device)}`, { auth: { session } });
  if (r.status === 401) throw new WireError(401, 'M_FORBIDDEN', t('It is not confirmed yet. Confirm it on the page that opened, then press this again.'));
  if (r.status >= 400) throw new WireError(r.status, '', typeof r.value['error'] === 'string' ? told(r.value['error']) : t('The server answered {status}. Try again in a minute.', { status: r.status }));
}

export async function signDeviceOut(device: string, password: string): Promise<void> {
  const path = `/_matrix/client/v3/devices/${encodeURIComponent(device)}`;
  let r = await ask(path, {});
  if (r.status === 401) {
    const auth = { type: 'm.login.password', session: r.value['session'] ?? '', identifier: { type: 'm.id.user', user: engine.me.user_id }, password };
    r = await ask(path, { auth });
    if (r.status === 401 || r.status === 403) throw new WireError(r.status, 'M_FORBIDDEN', t('That is not your password. Try again.'));
  }
  if (r.status >= 400) throw new WireError(r.status, '', typeof r.value['error'] === 'string' ? told(r.value['error']) : t('The server answered {status}. Try again in a minute.', { status: r.status }));
}
