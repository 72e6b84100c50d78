// matrix-js-sdk against the real program: what a client that we did not write takes for granted.
// Waits are for events of the SDK; nothing sleeps. The runner's time limit ends what never comes.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { arrives, isIn, logger, sdk, when } from './sdk.mjs';
import { register, start } from './server.mjs';

let server;
const people = [];

/** person makes an account, signs in with the password, and syncs. */
async function person(name) {
  await register(server.url, name, `password of ${name}`);
  const session = await sdk.createClient({ baseUrl: server.url, logger }).loginRequest({ type: 'm.login.password', identifier: { type: 'm.id.user', user: name }, password: `password of ${name}` });
  assert.equal(session.user_id, `@${name}:hs1`);
  const client = sdk.createClient({ baseUrl: server.url, accessToken: session.access_token, userId: session.user_id, deviceId: session.device_id, logger, timelineSupport: true });
  const ready = when(client, sdk.ClientEvent.Sync, (state) => state === 'PREPARED');
  await client.startClient({ initialSyncLimit: 20, lazyLoadMembers: true });
  await ready;
  people.push(client);
  return client;
}

before(async () => {
  server = await start();
});

after(async () => {
  for (const client of people) client.stopClient();
  assert.equal(await server.stop(), 0, 'the server ends in order');
});

test('two people on clients that we did not write', { timeout: 90_000 }, async (t) => {
  const asha = await person('asha');
  const tom = await person('tom');
  let roomId;
  let first;

  await t.test('the versions and what the server can do', async () => {
    assert.ok((await asha.getVersions()).versions.includes('v1.11'));
    assert.equal((await asha.getCapabilities())['m.room_versions'].default, '12');
    assert.equal((await asha.whoami()).user_id, '@asha:hs1');
  });

  await t.test('a wrong password is refused', async () => {
    await assert.rejects(sdk.createClient({ baseUrl: server.url, logger }).loginWithPassword('asha', 'guess'), { errcode: 'M_FORBIDDEN', httpStatus: 403 });
  });

  await t.test('a room is made, and its name and topic are seen', async () => {
    ({ room_id: roomId } = await asha.createRoom({ name: 'Ward 7', topic: 'Days', preset: 'private_chat', invite: ['@tom:hs1'] }));
    await isIn(asha, roomId, 'join');
    assert.equal(asha.getRoom(roomId).name, 'Ward 7');
  });

  await t.test('a stranger sees nothing of it', async () => {
    const stranger = await person('stranger');
    await assert.rejects(stranger.joinRoom(roomId), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(stranger.roomState(roomId), { errcode: 'M_FORBIDDEN' });
    await assert.rejects(stranger.sendTextMessage(roomId, 'hello?'), { errcode: 'M_FORBIDDEN' });
    assert.equal(stranger.getRoom(roomId), null);
  });

  await t.test('an invitation arrives, and is accepted', async () => {
    await isIn(tom, roomId, 'invite');
    assert.equal(tom.getRoom(roomId).name, 'Ward 7');
    await tom.joinRoom(roomId);
    await isIn(tom, roomId, 'join');
  });

  await t.test('a message arrives at the other, and at oneself with its transaction', async () => {
    const own = when(asha, sdk.RoomEvent.LocalEchoUpdated, (e) => e.status === null);
    ({ event_id: first } = await asha.sendTextMessage(roomId, 'Bed 12 is back from theatre'));
    const there = await arrives(tom, roomId, first);
    assert.equal(there.getContent().body, 'Bed 12 is back from theatre');
    assert.equal(there.getSender(), '@asha:hs1');
    await own;
    const again = asha.getRoom(roomId).getLiveTimeline().getEvents().filter((e) => e.getContent().body === 'Bed 12 is back from theatre');
    assert.equal(again.length, 1, 'the echo and the event are one');
  });

  await t.test('a repeated transaction makes nothing', async () => {
    const a = await asha.sendEvent(roomId, 'm.room.message', { msgtype: 'm.text', body: 'once' }, 'txn-once');
    const path = `/rooms/${encodeURIComponent(roomId)}/send/m.room.message/txn-once`;
    const b = await asha.http.authedRequest('PUT', path, undefined, { msgtype: 'm.text', body: 'once' });
    assert.equal(b.event_id, a.event_id);
  });

  await t.test('an edit replaces', async () => {
    const original = await arrives(tom, roomId, first);
    const edited = when(original, sdk.MatrixEventEvent.Replaced);
    await asha.sendMessage(roomId, { msgtype: 'm.text', body: '* Bed 12 is back', 'm.new_content': { msgtype: 'm.text', body: 'Bed 12 is back' }, 'm.relates_to': { rel_type: 'm.replace', event_id: first } });
    await edited;
    assert.equal(original.getContent().body, 'Bed 12 is back');
    const fetched = await tom.fetchRoomEvent(roomId, first);
    assert.equal(fetched.unsigned['m.relations']['m.replace'].content['m.new_content'].body, 'Bed 12 is back');
  });

  await t.test('a reaction counts, and a thread is found by its relation', async () => {
    const { event_id: reaction } = await tom.sendEvent(roomId, 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: first, key: '👍' } });
    await arrives(asha, roomId, reaction);
    const { events } = await asha.relations(roomId, first, 'm.annotation', 'm.reaction');
    assert.deepEqual(events.map((e) => e.getId()), [reaction]);
    const { event_id: reply } = await tom.sendMessage(roomId, { msgtype: 'm.text', body: 'thanks', 'm.relates_to': { rel_type: 'm.thread', event_id: first } });
    const thread = await asha.relations(roomId, first, 'm.thread', 'm.room.message');
    assert.deepEqual(thread.events.map((e) => e.getId()), [reply]);
  });

  await t.test('a redaction takes the words away', async () => {
    const { event_id: slip } = await asha.sendTextMessage(roomId, 'wrong room');
    const there = await arrives(tom, roomId, slip);
    const gone = when(tom.getRoom(roomId), sdk.RoomEvent.Redaction, (e) => e.getAssociatedId() === slip);
    await asha.redactEvent(roomId, slip, undefined, { reason: 'slip' });
    await gone;
    assert.ok(there.isRedacted());
    assert.equal((await tom.fetchRoomEvent(roomId, slip)).content.body, undefined);
    await assert.rejects(tom.redactEvent(roomId, first), { errcode: 'M_FORBIDDEN' });
  });

  await t.test('a receipt is seen by the writer, and unread counts fall', async () => {
    const { event_id: last } = await asha.sendTextMessage(roomId, 'please read');
    const event = await arrives(tom, roomId, last);
    const seen = when(asha, sdk.RoomEvent.Receipt, (_, room) => room.getEventReadUpTo('@tom:hs1') === last);
    await tom.sendReadReceipt(event);
    await seen;
    const { event_id: next } = await asha.sendTextMessage(roomId, 'and this');
    await arrives(tom, roomId, next);
    assert.equal(tom.getRoom(roomId).getUnreadNotificationCount('total'), 1);
  });

  await t.test('typing is seen, and ends', async () => {
    const starts = when(asha, sdk.RoomMemberEvent.Typing, (_, m) => m.userId === '@tom:hs1' && m.typing);
    await tom.sendTyping(roomId, true, 20_000);
    await starts;
    const ends = when(asha, sdk.RoomMemberEvent.Typing, (_, m) => m.userId === '@tom:hs1' && !m.typing);
    await tom.sendTyping(roomId, false, 0);
    await ends;
  });

  await t.test('a file goes up, and comes down for those who are signed in', async () => {
    const bytes = new Uint8Array(70_000).map((_, i) => i * 7);
    const { content_uri: uri } = await asha.uploadContent(new Blob([bytes]), { type: 'application/pdf', name: 'chart.pdf' });
    assert.match(uri, /^mxc:\/\/hs1\//);
    const url = tom.mxcUrlToHttp(uri, undefined, undefined, undefined, false, true, true);
    const answer = await fetch(url, { headers: { Authorization: `Bearer ${tom.getAccessToken()}` } });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('content-type'), 'application/pdf');
    assert.match(answer.headers.get('content-disposition'), /^attachment; filename=chart.pdf/);
    assert.deepEqual(new Uint8Array(await answer.arrayBuffer()), bytes);
    assert.equal((await fetch(url)).status, 401, 'not for strangers');
    assert.equal((await fetch(tom.mxcUrlToHttp(uri))).status, 404, 'the open call is frozen');
    assert.ok((await tom.getMediaConfig(true))['m.upload.size'] > 0);
    const { event_id: sent } = await asha.sendMessage(roomId, { msgtype: 'm.file', body: 'chart.pdf', url: uri });
    assert.equal((await arrives(tom, roomId, sent)).getContent().url, uri);
  });

  await t.test('history pages back to the beginning, each event once', async () => {
    for (let i = 0; i < 60; i++) await asha.sendTextMessage(roomId, `line ${i}`);
    const late = sdk.createClient({ baseUrl: server.url, accessToken: tom.getAccessToken(), userId: '@tom:hs1', deviceId: tom.getDeviceId(), logger, timelineSupport: true });
    const ready = when(late, sdk.ClientEvent.Sync, (state) => state === 'PREPARED');
    await late.startClient({ initialSyncLimit: 5 });
    await ready;
    people.push(late);
    const room = late.getRoom(roomId);
    assert.equal(room.getLiveTimeline().getEvents().length, 5);
    while (await late.paginateEventTimeline(room.getLiveTimeline(), { backwards: true, limit: 17 }));
    const all = room.getLiveTimeline().getEvents();
    assert.equal(all[0].getType(), 'm.room.create');
    assert.equal(new Set(all.map((e) => e.getId())).size, all.length);
    assert.deepEqual(all.map((e) => e.getContent().body).filter((b) => /^line \d+$/.test(b ?? '')), Array.from({ length: 60 }, (_, i) => `line ${i}`));
  });

  await t.test('an event is found with what stands around it', async () => {
    const timeline = await tom.getEventTimeline(tom.getRoom(roomId).getUnfilteredTimelineSet(), first);
    assert.ok(timeline.getEvents().some((e) => e.getId() === first));
  });

  await t.test('names, tags and account data reach the other devices', async () => {
    const renamed = when(asha, sdk.RoomMemberEvent.Name, (_, m) => m.userId === '@tom:hs1' && m.name === 'Tom (ST3)');
    await tom.setDisplayName('Tom (ST3)');
    await renamed;
    const tagged = when(tom.getRoom(roomId), sdk.RoomEvent.Tags);
    await tom.setRoomTag(roomId, 'm.favourite', { order: 0.5 });
    await tagged;
    assert.ok(tom.getRoom(roomId).tags['m.favourite']);
    await tom.setAccountData('uk.wardline.test', { on: true });
    assert.deepEqual(await tom.getAccountDataFromServer('uk.wardline.test'), { on: true });
  });

  await t.test('people are found in the directory', async () => {
    const { results } = await asha.searchUserDirectory({ term: 'ST3' });
    assert.deepEqual(results.map((r) => r.user_id), ['@tom:hs1']);
  });

  await t.test('who is taken out hears nothing more', async () => {
    await asha.kick(roomId, '@tom:hs1', 'moved ward');
    await isIn(tom, roomId, 'leave');
    const { event_id: after } = await asha.sendTextMessage(roomId, 'not for Tom');
    await assert.rejects(tom.fetchRoomEvent(roomId, after), { errcode: /M_FORBIDDEN|M_NOT_FOUND/ });
    await assert.rejects(tom.sendTextMessage(roomId, 'still here?'), { errcode: 'M_FORBIDDEN' });
    assert.equal(tom.getRoom(roomId).findEventById(after), undefined);
  });

  await t.test('signing out ends the token', async () => {
    const token = tom.getAccessToken();
    await tom.logout(true);
    const answer = await fetch(`${server.url}/_matrix/client/v3/account/whoami`, { headers: { Authorization: `Bearer ${token}` } });
    assert.equal(answer.status, 401);
    assert.equal((await answer.json()).errcode, 'M_UNKNOWN_TOKEN');
  });
});
