// matrix-js-sdk's own cryptography against the real program: devices that verify each other, an encrypted room, and a backup of its
// keys. The server sees none of the words; these tests are about what it must carry for clients to see them.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { arrives, isIn, logger, sdk, when } from './sdk.mjs';
import { register, start } from './server.mjs';

const { CryptoEvent, VerificationPhase, VerificationRequestEvent, VerifierEvent } = await import('matrix-js-sdk/lib/crypto-api/index.js');

let server;
const devices = [];

/** device signs in and syncs as one more device of a person. secrets is what the person keeps outside: the key of the secret storage. */
async function device(name, secrets) {
  const session = await sdk.createClient({ baseUrl: server.url, logger }).loginRequest({ type: 'm.login.password', identifier: { type: 'm.id.user', user: name }, password: `password of ${name}` });
  const client = sdk.createClient({
    baseUrl: server.url, accessToken: session.access_token, userId: session.user_id, deviceId: session.device_id, logger, timelineSupport: true,
    cryptoCallbacks: {
      getSecretStorageKey: async ({ keys }) => {
        const id = Object.keys(keys).find((key) => secrets.has(key));
        return id ? [id, secrets.get(id)] : null;
      },
      cacheSecretStorageKey: (id, _, key) => secrets.set(id, key),
    },
  });
  await client.initRustCrypto({ useIndexedDB: false });
  const ready = when(client, sdk.ClientEvent.Sync, (state) => state === 'PREPARED');
  await client.startClient({ initialSyncLimit: 20 });
  await ready;
  devices.push(client);
  return client;
}

/** setUp gives a person an identity, a secret storage and a backup, as a client does when somebody signs in for the first time. */
async function setUp(client, name) {
  const crypto = client.getCrypto();
  let asked = 0;
  await crypto.bootstrapCrossSigning({
    authUploadDeviceSigningKeys: async (upload) => {
      asked++;
      await upload(null); // the first identity needs no password
    },
  });
  assert.equal(asked, 1);
  await crypto.bootstrapSecretStorage({ createSecretStorageKey: () => crypto.createRecoveryKeyFromPassphrase(), setupNewSecretStorage: true, setupNewKeyBackup: true });
  assert.ok(await crypto.isCrossSigningReady(), `${name} is ready`);
}

/** reads resolves with the event's words once the client has them decrypted. */
async function reads(client, roomId, eventId) {
  const event = await arrives(client, roomId, eventId);
  if (event.isEncrypted() && (event.isBeingDecrypted() || event.isDecryptionFailure() || !event.getClearContent())) {
    await when(event, sdk.MatrixEventEvent.Decrypted, () => !event.isDecryptionFailure());
  }
  return event.getContent().body;
}

/** phase resolves once a verification request has come that far. */
async function phase(request, wanted) {
  if (request.phase >= wanted) return;
  await when(request, VerificationRequestEvent.Change, () => request.phase >= wanted);
}

/** compare runs one side of a comparison of pictures, and returns them. */
async function compare(verifier) {
  const shown = when(verifier, VerifierEvent.ShowSas);
  const done = verifier.verify();
  const [sas] = await shown;
  return { emoji: sas.sas.emoji.map(([, word]) => word).join(' '), agree: async () => { await sas.confirm(); await done; } };
}

/** knows resolves once a client knows a device of a person, or knows that it is gone. */
async function knows(client, user, id, wanted = true) {
  for (;;) {
    const told = when(client, CryptoEvent.DevicesUpdated);
    if (((await client.getCrypto().getUserDeviceInfo([user], true)).get(user)?.has(id) ?? false) === wanted) return;
    await told; // its own sync says that there is something to look at
  }
}

before(async () => {
  server = await start();
});

after(async () => {
  for (const client of devices) client.stopClient();
  assert.equal(await server.stop(), 0, 'the server ends in order');
});

test('an encrypted room on clients that we did not write', { timeout: 120_000 }, async (t) => {
  const secrets = { asha: new Map(), tom: new Map() };
  for (const name of ['asha', 'tom']) await register(server.url, name, `password of ${name}`);
  const asha = await device('asha', secrets.asha);
  const tom = await device('tom', secrets.tom);
  let roomId;
  let first;
  let asha2;

  await t.test('people get an identity, a secret storage and a backup', async () => {
    await setUp(asha, 'asha');
    await setUp(tom, 'tom');
    assert.ok(await asha.getCrypto().userHasCrossSigningKeys('@tom:hs1', true), 'asha sees that tom has an identity');
    assert.ok(await asha.getCrypto().getActiveSessionBackupVersion());
  });

  await t.test('another identity needs the password', async () => {
    let challenged;
    await tom.getCrypto().bootstrapCrossSigning({
      setupNewCrossSigning: true,
      authUploadDeviceSigningKeys: async (upload) => {
        try {
          await upload(null);
        } catch (e) {
          challenged = e;
          await upload({ type: 'm.login.password', session: e.data.session, identifier: { type: 'm.id.user', user: 'tom' }, password: 'password of tom' });
        }
      },
    });
    assert.equal(challenged?.httpStatus, 401);
    assert.ok(await tom.getCrypto().isCrossSigningReady());
  });

  await t.test('a second device is verified by comparing pictures', async () => {
    asha2 = await device('asha', new Map());
    await Promise.all([knows(asha, '@asha:hs1', asha2.getDeviceId()), knows(asha2, '@asha:hs1', asha.getDeviceId())]);
    assert.ok(await asha2.getCrypto().userHasCrossSigningKeys('@asha:hs1', true));
    const incoming = when(asha, CryptoEvent.VerificationRequestReceived);
    const outgoing = await asha2.getCrypto().requestOwnUserVerification();
    const [request] = await incoming;
    await request.accept();
    await phase(outgoing, VerificationPhase.Ready);
    const theirs = await outgoing.startVerification('m.sas.v1');
    const shown = compare(theirs);
    await phase(request, VerificationPhase.Started);
    const [a, b] = await Promise.all([shown, compare(request.verifier)]);
    assert.equal(a.emoji, b.emoji);
    await Promise.all([a.agree(), b.agree()]);
    await Promise.all([phase(outgoing, VerificationPhase.Done), phase(request, VerificationPhase.Done)]);
    const status = await asha.getCrypto().getDeviceVerificationStatus('@asha:hs1', asha2.getDeviceId());
    assert.ok(status.isVerified(), 'asha trusts her second device');
    await knows(tom, '@asha:hs1', asha2.getDeviceId());
  });

  await t.test('an encrypted room is made, and read at both ends', async () => {
    ({ room_id: roomId } = await asha.createRoom({ name: 'Closed', preset: 'private_chat', invite: ['@tom:hs1'],
      initial_state: [{ type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }] }));
    await isIn(asha, roomId, 'join');
    await isIn(tom, roomId, 'invite');
    await tom.joinRoom(roomId);
    await isIn(tom, roomId, 'join');
    await arrives(asha, roomId, tom.getRoom(roomId).getMember('@tom:hs1').events.member.getId());
    ({ event_id: first } = await asha.sendTextMessage(roomId, 'for two people only'));
    assert.equal(await reads(tom, roomId, first), 'for two people only');
    assert.equal(await reads(asha2, roomId, first), 'for two people only');
    const raw = await tom.fetchRoomEvent(roomId, first);
    assert.equal(raw.type, 'm.room.encrypted');
    assert.ok(!JSON.stringify(raw).includes('two people'), 'the server has no words');
    const { event_id: answer } = await tom.sendTextMessage(roomId, 'and back');
    assert.equal(await reads(asha, roomId, answer), 'and back');
    assert.equal(await reads(asha2, roomId, answer), 'and back');
  });

  await t.test('a third device restores the backup and reads what was said before it', async () => {
    while ((await (await fetch(`${server.url}/_matrix/client/v3/room_keys/version`, { headers: { Authorization: `Bearer ${asha.getAccessToken()}` } })).json()).count < 2) {
      await when(asha, CryptoEvent.KeyBackupSessionsRemaining);
    }
    const asha3 = await device('asha', secrets.asha);
    await isIn(asha3, roomId, 'join');
    const crypto = asha3.getCrypto();
    assert.ok(await crypto.userHasCrossSigningKeys('@asha:hs1', true)); // it must know the public keys before it takes the private ones
    await crypto.bootstrapCrossSigning({});
    while (!(await crypto.getDeviceVerificationStatus('@asha:hs1', asha3.getDeviceId())).crossSigningVerified) {
      await when(asha3, CryptoEvent.DevicesUpdated); // the secret storage makes it one of hers, and its own sync says so
    }
    await crypto.loadSessionBackupPrivateKeyFromSecretStorage();
    const { imported, total } = await crypto.restoreKeyBackup();
    assert.ok(imported >= 2 && imported === total, `${imported} of ${total} keys came back`);
    assert.equal(await reads(asha3, roomId, first), 'for two people only');
  });

  await t.test('a device that is signed out gets no more keys', async () => {
    const gone = asha2.getDeviceId();
    await asha2.logout(true);
    await knows(tom, '@asha:hs1', gone, false);
    const { event_id: next } = await tom.sendTextMessage(roomId, 'still closed');
    assert.equal(await reads(asha, roomId, next), 'still closed');
  });
});
