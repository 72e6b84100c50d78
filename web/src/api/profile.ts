// What somebody shows of themselves: a photo in their Matrix profile, and a status.

import { engine, wire } from '../app';
import type { Status } from './types';
import { upload } from './upload';

const profile = (): string => `/_matrix/client/v3/profile/${encodeURIComponent(engine.me.user_id)}/avatar_url`;

// setPhoto puts a picture in the place of the old one, everywhere.
export async function setPhoto(picture: Blob, progress: (part: number) => void): Promise<void> {
  const uri = await upload({ blob: picture, name: 'face.jpg', slot: '' }, () => Promise.resolve(), progress);
  await wire.call('PUT', profile(), { avatar_url: uri });
  note(uri);
}

export async function removePhoto(): Promise<void> {
  await wire.call('DELETE', profile());
  note('');
}

function note(uri: string): void {
  engine.people.noteFace(engine.me.user_id, uri);
  engine.people.again(engine.me.user_id);
  engine.topics.emit('people');
}

export async function readStatus(): Promise<Status | null> {
  return (await wire.call<{ status: Status | null }>('GET', '/_wardline/v1/status')).status;
}

export async function setStatus(s: Status): Promise<Status | null> {
  const { status } = await wire.call<{ status: Status | null }>('PUT', '/_wardline/v1/status', s);
  engine.people.again(engine.me.user_id);
  return status;
}

export async function clearStatus(): Promise<void> {
  await wire.call('DELETE', '/_wardline/v1/status');
  engine.people.again(engine.me.user_id);
}
