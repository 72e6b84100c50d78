// The OAuth 2.0 API, driven by matrix-js-sdk: what a client that we did not write takes for granted of signing in without a password.
// A person's part, the browser, is played by plain requests. Only the wait of a device for its answer takes the seconds it must.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { logger, sdk } from './sdk.mjs';
import { freeAddress, register, start } from './server.mjs';

const home = 'https://app.example.org';
const back = `${home}/back`;
let server;

before(async () => {
  const address = await freeAddress();
  server = await start(['-oauth', '-public-url', `http://${address}`], address);
});

after(async () => {
  assert.equal(await server.stop(), 0, 'the server ended badly');
});

/** whoIs asks the server who holds a token. */
const whoIs = (accessToken) => sdk.createClient({ baseUrl: server.url, accessToken, logger }).whoami();

/** allow plays the person who signs in on the server's page and says yes; it resolves with what the app is sent back. */
async function allow(url, answer = 'yes') {
  const page = await fetch(url);
  assert.equal(page.status, 200);
  const form = new URL(url).searchParams;
  form.set('user', 'olive');
  form.set('password', 'a password');
  form.set('answer', answer);
  const sent = await fetch(new URL(url).origin + new URL(url).pathname, { method: 'POST', body: form, redirect: 'manual' });
  assert.equal(sent.status, 303);
  const where = new URL(sent.headers.get('location'));
  assert.equal(where.origin + where.pathname, back);
  return new URLSearchParams(where.hash.slice(1));
}

test('signing in without a password, on a client that we did not write', async (t) => {
  await register(server.url, 'olive', 'a password');
  const metadata = await sdk.createClient({ baseUrl: server.url, logger }).getAuthMetadata();
  let app;
  let tokens;

  await t.test('an app registers itself, and is the same the next time', async () => {
    const about = { client_name: 'An app', client_uri: home, application_type: 'web', redirect_uris: [back] };
    const clientId = await sdk.OAuth2.registerClient(metadata, about, logger);
    assert.equal(await sdk.OAuth2.registerClient(metadata, about, logger), clientId);
    app = new sdk.OAuth2(metadata, { clientId }, logger);
  });

  await t.test('a person says yes, and the app acts for them', async () => {
    const answer = await allow(await app.generateAuthorizationCodeGrantUrl('my state', back));
    assert.equal(answer.get('state'), 'my state');
    tokens = await app.completeAuthorizationCodeGrant(answer.get('code'), back);
    const me = await whoIs(tokens.access_token);
    assert.equal(me.user_id, '@olive:hs1');
    assert.equal(me.device_id, app.context.deviceId);
  });

  await t.test('a person says no', async () => {
    const answer = await allow(await app.generateAuthorizationCodeGrantUrl('other', back), 'no');
    assert.equal(answer.get('error'), 'access_denied');
    assert.equal(answer.get('code'), null);
  });

  await t.test('tokens are refreshed, and revoked', async () => {
    const next = await app.performRefreshTokenGrant(tokens.refresh_token);
    assert.equal((await whoIs(next.access_token)).device_id, app.context.deviceId);
    await app.revokeToken(next.refresh_token, 'refresh_token');
    await assert.rejects(whoIs(next.access_token), (e) => e.errcode === 'M_UNKNOWN_TOKEN');
  });

  await t.test('a device without a browser is signed in by a code', async () => {
    const grant = 'urn:ietf:params:oauth:grant-type:device_code';
    const clientId = await sdk.OAuth2.registerClient(metadata, { client_name: 'A box', client_uri: home, application_type: 'native', grant_types: [grant, 'refresh_token'] }, logger);
    const box = new sdk.OAuth2(metadata, { clientId }, logger);
    const asked = await box.startDeviceAuthorizationGrant();
    const waiting = box.waitForDeviceAuthorizationGrant(asked);
    const form = new URLSearchParams({ user_code: asked.user_code, user: 'olive', password: 'a password', answer: 'yes' });
    assert.equal((await fetch(asked.verification_uri, { method: 'POST', body: form })).status, 200);
    assert.equal((await whoIs((await waiting).access_token)).user_id, '@olive:hs1');
  });
});
