// matrix-js-sdk's own sliding sync, the form of 2024, against the real program: somebody on it and somebody on /v3/sync.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { arrives, isIn, logger, sdk, when } from './sdk.mjs';
import { register, start } from './server.mjs';

const { SlidingSync } = await import('matrix-js-sdk/lib/sliding-sync.js');
const { CryptoEvent } = await import('matrix-js-sdk/lib/crypto-api/index.js');

let server;
const people = [];

/** person signs in; with sliding they sync by windows, otherwise by /v3/sync. */
async function person(name, sliding) {
  await register(server.url, name, `password of ${name}`);
  const session = await sdk.createClient({ baseUrl: server.url, logger }).loginRequest({ type: 'm.login.password', identifier: { type: 'm.id.user', user: name }, password: `password of ${name}` });
  const client = sdk.createClient({ baseUrl: server.url, accessToken: session.access_token, userId: session.user_id, deviceId: session.device_id, logger, timelineSupport: true });
  await client.initRustCrypto({ useIndexedDB: false });
  const ready = when(client, sdk.ClientEvent.Sync, (state) => state === 'PREPARED');
  let slidingSync;
  if (sliding) {
    const state = [['m.room.create', ''], ['m.room.name', ''], ['m.room.encryption', ''], ['m.room.member', '$ME'], ['m.room.member', '$LAZY']];
    const lists = new Map([['all', { ranges: [[0, 19]], timeline_limit: 3, required_state: state }]]);
    slidingSync = new SlidingSync(server.url, lists, { timeline_limit: 20, required_state: [['*', '*'], ['m.room.member', '$ME'], ['m.room.member', '$LAZY']] }, client, 10_000);
  }
  await client.startClient({ slidingSync });
  await ready;
  people.push(client);
  return { client, slidingSync };
}

/** returns resolves once a client's own event has come back to it, by whichever way the SDK tells. */
async function returns(client, roomId, eventId) {
  const back = () => client.getRoom(roomId).findEventById(eventId)?.status === null;
  if (!back()) await Promise.race([when(client, sdk.RoomEvent.Timeline, back), when(client, sdk.RoomEvent.LocalEchoUpdated, back)]);
}

before(async () => {
  server = await start();
});

after(async () => {
  for (const client of people) client.stopClient();
  assert.equal(await server.stop(), 0, 'the server ends in order');
});

test('sliding sync by a client that we did not write', { timeout: 60_000 }, async (t) => {
  const { client: asha } = await person('asha', false);
  const { client: tom, slidingSync } = await person('tom', true);
  let roomId;

  await t.test('an invitation arrives and is accepted', async () => {
    ({ room_id: roomId } = await asha.createRoom({ name: 'Ward 7', preset: 'private_chat', invite: ['@tom:hs1'] }));
    await isIn(asha, roomId, 'join');
    await isIn(tom, roomId, 'invite');
    await tom.joinRoom(roomId);
    await isIn(tom, roomId, 'join');
    assert.equal(tom.getRoom(roomId).name, 'Ward 7');
  });

  await t.test('messages, receipts and typing go both ways', async () => {
    const { event_id: first } = await asha.sendTextMessage(roomId, 'Bed 12 is back');
    const there = await arrives(tom, roomId, first);
    assert.equal(there.getContent().body, 'Bed 12 is back');
    await returns(asha, roomId, first); // the SDK places no receipt on what it has not seen come back
    const seen = when(asha, sdk.RoomEvent.Receipt, (_, room) => room.getEventReadUpTo('@tom:hs1') === first);
    await tom.sendReadReceipt(there);
    await seen;
    const typing = when(tom, sdk.RoomMemberEvent.Typing, (_, m) => m.userId === '@asha:hs1' && m.typing);
    await asha.sendTyping(roomId, true, 20_000);
    await typing;
    const { event_id: answer } = await tom.sendTextMessage(roomId, 'thanks');
    assert.equal((await arrives(asha, roomId, answer)).getContent().body, 'thanks');
  });

  await t.test('a room that is opened brings more of its past', async () => {
    let last;
    for (let i = 0; i < 12; i++) ({ event_id: last } = await asha.sendTextMessage(roomId, `line ${i}`));
    await arrives(tom, roomId, last);
    const room = tom.getRoom(roomId);
    slidingSync.modifyRoomSubscriptions(new Set([roomId]));
    await when(slidingSync, 'SlidingSync.RoomData', (id, data) => id === roomId && data.timeline.length >= 12);
    assert.ok(room.currentState.getStateEvents('m.room.join_rules', ''), 'and all of its state');
    assert.equal(room.currentState.getMembers().length, 2);
  });

  await t.test('names, account data and the directory of rooms follow', async () => {
    const renamed = when(tom, sdk.RoomMemberEvent.Name, (_, m) => m.userId === '@asha:hs1' && m.name === 'Asha (ST5)');
    await asha.setDisplayName('Asha (ST5)');
    await renamed;
    const told = when(tom, sdk.ClientEvent.AccountData, (e) => e.getType() === 'uk.wardline.test');
    await tom.setAccountData('uk.wardline.test', { on: true });
    await told;
    const tagged = when(tom.getRoom(roomId), sdk.RoomEvent.Tags);
    await tom.setRoomTag(roomId, 'm.favourite', { order: 0.5 });
    await tagged;
  });

  await t.test('keys come by its extensions: an encrypted room is read at both ends', async () => {
    const { room_id: closed } = await asha.createRoom({ name: 'Closed', preset: 'private_chat', invite: ['@tom:hs1'],
      initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }] });
    await isIn(tom, closed, 'invite');
    await tom.joinRoom(closed);
    await isIn(tom, closed, 'join');
    await isIn(asha, closed, 'join');
    for (const [from, to] of [[asha, tom], [tom, asha]]) {
      const other = to.getUserId();
      while (!(await from.getCrypto().getUserDeviceInfo([other], true)).get(other)?.size) await when(from, CryptoEvent.DevicesUpdated);
      const { event_id: sent } = await from.sendTextMessage(closed, `from ${from.getUserId()}`);
      const event = await arrives(to, closed, sent);
      if (event.isBeingDecrypted() || event.isDecryptionFailure() || !event.getClearContent()) {
        await when(event, sdk.MatrixEventEvent.Decrypted, () => !event.isDecryptionFailure());
      }
      assert.equal(event.getContent().body, `from ${from.getUserId()}`);
    }
  });

  await t.test('who is taken out hears nothing more', async () => {
    await asha.kick(roomId, '@tom:hs1', 'moved ward');
    await isIn(tom, roomId, 'leave');
    const { event_id: later } = await asha.sendTextMessage(roomId, 'not for Tom');
    const told = when(tom, sdk.ClientEvent.AccountData, (e) => e.getType() === 'uk.wardline.after');
    await tom.setAccountData('uk.wardline.after', {}); // an answer that was made after the words
    await told;
    assert.equal(tom.getRoom(roomId).findEventById(later), undefined);
  });
});
