// What people prove themselves with: the second step, and passkeys. Its own chunk: the browser's keys speak bytes, the wire speaks text.

import { wire } from '../app';

export interface SecondStep { on: boolean; recovery: number; password: boolean }
export interface Passkey { id: string; name: string; made_at: number; used_at: number; synced: boolean }

const at = '/_wardline/v1';
const step = `${at}/second-step`;

export const secondStep = (): Promise<SecondStep> => wire.call('GET', step);
export const beginStep = (password: string): Promise<{ uri: string; secret: string }> => wire.call('POST', step, { password });
export const confirmStep = async (code: string): Promise<string[]> => (await wire.call<{ recovery_codes: string[] }>('POST', `${step}/confirm`, { code })).recovery_codes;
export const renewCodes = async (code: string): Promise<string[]> => (await wire.call<{ recovery_codes: string[] }>('POST', `${step}/recovery`, { code })).recovery_codes;
export const removeStep = (password: string, code: string): Promise<unknown> => wire.call('POST', `${step}/remove`, { password, code });

export const passkeys = (): Promise<{ passkeys: Passkey[]; possible: boolean }> => wire.call('GET', `${at}/passkeys`);
export const renamePasskey = (id: string, name: string): Promise<unknown> => wire.call('PUT', `${at}/passkeys/${encodeURIComponent(id)}`, { name });
export const removePasskey = (id: string, password: string): Promise<unknown> => wire.call('POST', `${at}/passkeys/${encodeURIComponent(id)}/remove`, { password });

// canPasskey says whether this browser knows passkeys at all.
export const canPasskey = (): boolean => 'PublicKeyCredential' in globalThis && 'credentials' in navigator;

interface Asked<T> { session: string; options: { publicKey: T } }

function bytes(s: string): ArrayBuffer {
  return Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer;
}

function text(b: ArrayBuffer): string {
  let s = '';
  for (const n of new Uint8Array(b)) s += String.fromCharCode(n);
  return btoa(s).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

type Named = { id: string };
type MakeJSON = { challenge: string; user: { id: string }; excludeCredentials?: Named[] };
type AskJSON = { challenge: string; allowCredentials?: Named[] };

const named = (list?: Named[]): unknown[] => (list ?? []).map((c) => ({ ...c, id: bytes(c.id) }));

// makePasskey has the browser make a key, and tells the server of it.
export async function makePasskey(password: string, name: string): Promise<Passkey> {
  const { session, options } = await wire.call<Asked<MakeJSON>>('POST', `${at}/passkeys/begin`, { password });
  const o = options.publicKey;
  const publicKey = { ...o, challenge: bytes(o.challenge), user: { ...o.user, id: bytes(o.user.id) }, excludeCredentials: named(o.excludeCredentials) } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential | null;
  if (!made) throw new DOMException('', 'NotAllowedError');
  const r = made.response as AuthenticatorAttestationResponse;
  const credential = { id: made.id, rawId: text(made.rawId), type: made.type, authenticatorAttachment: made.authenticatorAttachment ?? undefined, clientExtensionResults: made.getClientExtensionResults(),
    response: { clientDataJSON: text(r.clientDataJSON), attestationObject: text(r.attestationObject), transports: r.getTransports?.() ?? [] } };
  return wire.call('POST', `${at}/passkeys`, { session, name, credential });
}

export interface Proof { session: string; credential: unknown }

// prove asks the browser for a key: any of this server's for signing in, or one of this person's for the lock.
export async function prove(path: '/sign-in/passkey' | '/lock/passkey'): Promise<Proof> {
  const { session, options } = await wire.call<Asked<AskJSON>>('POST', `${at}${path}`, {});
  const o = options.publicKey;
  const publicKey = { ...o, challenge: bytes(o.challenge), allowCredentials: named(o.allowCredentials) } as unknown as PublicKeyCredentialRequestOptions;
  const got = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential | null;
  if (!got) throw new DOMException('', 'NotAllowedError');
  const r = got.response as AuthenticatorAssertionResponse;
  return { session, credential: { id: got.id, rawId: text(got.rawId), type: got.type, authenticatorAttachment: got.authenticatorAttachment ?? undefined, clientExtensionResults: got.getClientExtensionResults(),
    response: { clientDataJSON: text(r.clientDataJSON), authenticatorData: text(r.authenticatorData), signature: text(r.signature), userHandle: r.userHandle ? text(r.userHandle) : undefined } } };
}

// declined says that the person, or the browser for them, said no: nothing is wrong.
export const declined = (e: unknown): boolean => e instanceof DOMException && (e.name === 'NotAllowedError' || e.name === 'AbortError');
