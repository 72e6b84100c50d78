// The doors, in a real browser against the real binary: single sign-on with a provider that says who it is and ends sessions, a password
// with a second step, and passkeys with Chromium's virtual authenticator, which also open a locked device.

import assert from 'node:assert/strict';
import { createHash, createHmac, createSign, generateKeyPairSync, randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startTrust } from './start.mjs';

const secret = 'a long enough password';
let browser;
let trust; // as browsers reach it: passkeys want a name, not a number
let server;
let op;
let ann;

// A small provider with one person, who has a page of her own to sign in on.
async function provider() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const codes = new Map();
  const json = (res, v) => res.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(v));
  const jwt = (claims, typ) => {
    const head = Buffer.from(JSON.stringify({ alg: 'RS256', kid: 'k', typ })).toString('base64url');
    const body = Buffer.from(JSON.stringify(claims)).toString('base64url');
    return `${head}.${body}.${createSign('RSA-SHA256').update(`${head}.${body}`).sign(privateKey, 'base64url')}`;
  };
  const http = createServer((req, res) => {
    const url = new URL(req.url, me.url);
    const q = url.searchParams;
    if (url.pathname === '/.well-known/openid-configuration') return json(res, { issuer: me.url, authorization_endpoint: `${me.url}/authorize`, token_endpoint: `${me.url}/token`, jwks_uri: `${me.url}/keys`, id_token_signing_alg_values_supported: ['RS256'] });
    if (url.pathname === '/keys') return json(res, { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', use: 'sig', alg: 'RS256' }] });
    if (url.pathname === '/authorize') {
      const code = randomBytes(12).toString('hex');
      codes.set(code, { nonce: q.get('nonce'), challenge: q.get('code_challenge') });
      const back = `${q.get('redirect_uri')}?code=${code}&state=${q.get('state')}`;
      const link = (who) => `<a href="${back.replaceAll('&', '&amp;').replace(code, `${code}.${who}`)}">Continue as ${who}</a>`;
      return res.writeHead(200, { 'Content-Type': 'text/html' }).end(`<!doctype html><title>Trust account</title><h1>Trust account</h1><p id="prompt">${q.get('prompt') ?? ''}</p>${link('Ann')} ${link('Bea')}`);
    }
    if (url.pathname === '/token') {
      let body = '';
      req.on('data', (d) => { body += d; });
      return req.on('end', () => {
        const form = new URLSearchParams(body);
        const [code, who] = (form.get('code') ?? '').split('.');
        const c = codes.get(code);
        codes.delete(code);
        if (!c || createHash('sha256').update(form.get('code_verifier') ?? '').digest('base64url') !== c.challenge) return res.writeHead(400, { 'Content-Type': 'application/json' }).end('{"error":"invalid_grant"}');
        const now = Math.floor(Date.now() / 1000);
        json(res, { access_token: 'x', token_type: 'Bearer', id_token: jwt({ iss: me.url, aud: 'wardline', sub: `${who.toLowerCase()}-there`, sid: who === 'Ann' ? 's1' : code, iat: now, exp: now + 300, nonce: c.nonce, email: `${who.toLowerCase()}.example@st-elsewhere.example`, email_verified: true }, 'JWT') });
      });
    }
    return res.writeHead(404).end();
  });
  await new Promise((ok) => http.listen(0, '127.0.0.1', ok));
  const me = {
    url: `http://127.0.0.1:${http.address().port}`,
    stop: () => new Promise((ok) => { http.closeAllConnections(); http.close(ok); }),
    async endSession() {
      const now = Math.floor(Date.now() / 1000);
      const logout_token = jwt({ iss: me.url, aud: 'wardline', sub: 'ann-there', sid: 's1', iat: now, exp: now + 60, jti: randomBytes(8).toString('hex'), events: { 'http://schemas.openid.net/event/backchannel-logout': {} } }, 'logout+jwt');
      const answer = await fetch(`${trust}/_wardline/sso/op/logout`, { method: 'POST', body: new URLSearchParams({ logout_token }) });
      assert.equal(answer.status, 200, await answer.text());
    },
  };
  return me;
}

async function startHere() {
  server = await startTrust({
    staff: ['901,Ann Example,ann.example@st-elsewhere.example,Staff nurse', '902,Bea Example,bea.example@st-elsewhere.example,Staff nurse'],
    passwords: { 'ann.example': secret },
    settings: (dir) => {
      mkdirSync(join(dir, 'sso'));
      writeFileSync(join(dir, 'sso', 'op.yaml'), `id: op\nname: your trust account\nissuer: ${op.url}\nclient_id: wardline\n`);
      writeFileSync(join(dir, 'sso', 'z-down.yaml'), 'id: down\nname: an account that is down\nissuer: http://127.0.0.1:1\nclient_id: wardline\n');
      return ['-sso', join(dir, 'sso')];
    },
  });
  trust = server.url;
}

// digits is what an authenticator app shows.
function digits(key, at) {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  let bits = '';
  for (const c of key.replaceAll(' ', '')) bits += letters.indexOf(c).toString(2).padStart(5, '0');
  const bytes = Buffer.from(bits.match(/.{8}/g).map((b) => Number.parseInt(b, 2)));
  const count = Buffer.alloc(8);
  count.writeBigUInt64BE(BigInt(Math.floor(at / 30_000)));
  const sum = createHmac('sha1', bytes).update(count).digest();
  return String((sum.readUInt32BE(sum[19] & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
}

async function arrive(size, theme) {
  const p = await Person.arrive(browser, trust, 'ann', size, { theme });
  await p.page.goto(`${trust}/`);
  await p.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  return p;
}

const inside = (p) => p.page.getByRole('navigation', { name: 'Main' }).first().waitFor();
const button = (p, name) => p.page.getByRole('button', { name, exact: true });

// anew does what has the page start anew: it shows the sign-in screen before that as well, and what is typed there is lost.
async function anew(p, act) {
  const loaded = p.page.waitForEvent('load');
  await act();
  await loaded;
  await p.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  await p.page.getByRole('link', { name: 'Sign in with your trust account' }).waitFor();
}

async function signOut(p) {
  await p.go('#/more');
  await button(p, 'Sign out and erase this device').click();
  await anew(p, () => button(p, 'Sign out and erase').click());
}

before(async () => {
  op = await provider();
  await startHere();
  browser = await launch();
});

after(async () => {
  await lastLooks('signin');
  await browser?.close();
  await op?.stop();
  await server?.stop();
});

test('1 single sign-on: there, back, named, and out again when the session there ends', async () => {
  for (const [name, size, theme] of [['phone-day', phone, 'day'], ['desk-night', desk, 'night'], ['narrow-night', { width: 320, height: 640 }, 'night']]) {
    const p = await arrive(size, theme);
    await p.page.getByRole('link', { name: 'Sign in with your trust account' }).waitFor();
    await p.wide();
    await p.clean(`sign-in, ${name}`);
    await p.shot(`signin-${name}`);
    await p.context.close();
  }
  ann = await arrive(phone, 'day');
  await ann.page.getByRole('link', { name: 'Sign in with your trust account' }).click();
  await ann.page.getByRole('heading', { name: 'Trust account' }).waitFor();
  assert.equal(await ann.page.locator('#prompt').textContent(), '');
  await ann.page.getByRole('link', { name: 'Continue as Ann' }).click();
  await inside(ann);
  assert.equal(new URL(ann.page.url()).search, '', 'nothing of the sign-in is left in the address');
  await ann.go('#/more');
  await ann.page.getByRole('heading', { name: 'Ann Example' }).waitFor();
  await anew(ann, () => op.endSession());
  await ann.page.getByText('You were signed out. What this device kept has been erased.').waitFor();

  await anew(ann, () => ann.page.getByRole('checkbox', { name: /This is a shared computer/ }).click());
  await ann.page.getByRole('checkbox', { name: /This is a shared computer/, checked: true }).waitFor();
  await ann.page.getByRole('link', { name: 'Sign in with your trust account' }).click();
  await ann.page.getByRole('heading', { name: 'Trust account' }).waitFor();
  assert.equal(await ann.page.locator('#prompt').textContent(), 'login', 'at a shared computer people sign in anew');
  await ann.page.goto(`${trust}/`);
  await ann.page.getByRole('checkbox', { name: /This is a shared computer/, checked: true }).waitFor();
  await anew(ann, () => ann.page.getByRole('checkbox', { name: /This is a shared computer/ }).click());
  await ann.page.getByRole('checkbox', { name: /This is a shared computer/, checked: false }).waitFor();
});

test('2 who has no password here confirms at the provider that a lost device is signed out', async () => {
  const devices = [];
  for (const size of [phone, desk]) {
    const p = await arrive(size, 'day');
    await p.page.getByRole('link', { name: 'Sign in with your trust account' }).click();
    await p.page.getByRole('link', { name: 'Continue as Bea' }).click();
    await inside(p);
    devices.push(p);
  }
  const [here, lost] = devices;
  await here.go('#/more/devices');
  await here.page.getByRole('button', { name: /^Sign out Wardline in Chrome/ }).click();
  const confirm = here.page.getByRole('link', { name: 'Confirm that it is you' });
  await confirm.waitFor();
  await here.wide();
  await here.clean('a device to sign out, by single sign-on');
  await button(here, 'I have confirmed, sign it out').click();
  await here.page.getByText('It is not confirmed yet').waitFor();
  const opened = here.context.waitForEvent('page');
  await confirm.click();
  const tab = await opened;
  await tab.getByRole('heading', { name: 'Confirm that it is you' }).waitFor();
  await tab.getByRole('link', { name: 'Confirm with your trust account' }).click();
  await tab.getByRole('heading', { name: 'Trust account' }).waitFor();
  assert.equal(await tab.locator('#prompt').textContent(), 'login');
  await tab.getByRole('link', { name: 'Continue as Bea' }).click();
  await tab.getByRole('button', { name: 'Confirm', exact: true }).click();
  await tab.getByRole('heading', { name: 'Done' }).waitFor();
  await tab.close();
  await button(here, 'I have confirmed, sign it out').click();
  await here.page.getByText('Signed out. What it keeps is erased').waitFor();
  await lost.page.getByText('You were signed out. What this device kept has been erased.').waitFor();
  for (const p of devices) await p.context.close();
});

test('3 a second step: set up with a picture, asked for, wrong, right, from paper', async () => {
  await ann.page.fill('#user', 'ann.example');
  await ann.page.fill('#password', secret);
  await button(ann, 'Sign in').click();
  await inside(ann);
  await ann.go('#/more/proofs');
  await button(ann, 'Set up a second step').click();
  await ann.page.getByLabel('Your password, to be sure that it is you').fill('not this one');
  await button(ann, 'Continue').click();
  await ann.page.getByText('That is not your password. Try again.').waitFor();
  await ann.page.getByLabel('Your password, to be sure that it is you').fill(secret);
  await button(ann, 'Continue').click();
  await ann.page.getByRole('img', { name: 'QR code for your authenticator app' }).waitFor();
  await ann.page.getByText('I cannot scan it').click();
  const key = await ann.page.locator('.secret').textContent();
  await ann.clean('second step, QR code');
  await ann.shot('signin-second-scan');
  await ann.page.getByLabel('Code of the app').fill(digits(key, Date.now()));
  await button(ann, 'Switch it on').click();
  await ann.page.getByRole('heading', { name: 'Recovery codes' }).waitFor();
  const codes = await ann.page.locator('.codes li').allTextContents();
  assert.equal(codes.length, 10);
  await ann.wide();
  await ann.clean('recovery codes');
  await ann.shot('signin-second-codes');
  await button(ann, 'I have kept them').click();
  await ann.page.getByText('10 of your recovery codes are left').waitFor();
  await ann.clean('signing in settings');
  await ann.shot('signin-second-on');
  await signOut(ann);

  await ann.page.fill('#user', 'ann.example');
  await ann.page.fill('#password', secret);
  await button(ann, 'Sign in').click();
  await ann.page.getByText('Now the code that your authenticator app shows').waitFor();
  await ann.clean('sign-in, second step');
  await ann.shot('signin-second-asked');
  await ann.page.fill('#code', '000000');
  await button(ann, 'Sign in').click();
  await ann.page.getByText('That code is wrong or was used already').waitFor();
  await ann.page.fill('#code', codes[0]);
  await button(ann, 'Sign in').click();
  await inside(ann);
  await ann.go('#/more/proofs');
  await ann.page.getByText('9 of your recovery codes are left').waitFor();
});

test('4 passkeys: add, sign in, open a locked device, remove', async () => {
  const cdp = await ann.context.newCDPSession(ann.page);
  await cdp.send('WebAuthn.enable');
  const { authenticatorId } = await cdp.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
  await button(ann, 'Add a passkey').click();
  await ann.page.getByLabel('What to call it').fill('Ann’s phone');
  await ann.page.getByLabel('Your password, to be sure that it is you').fill(secret);
  await button(ann, 'Add the passkey').click();
  await ann.page.getByText('The passkey is added').waitFor();
  const { credentials } = await cdp.send('WebAuthn.getCredentials', { authenticatorId });
  assert.equal(credentials.length, 1);
  assert.equal(credentials[0].isResidentCredential, true);
  assert.ok(!Buffer.from(credentials[0].userHandle, 'base64').toString().includes('ann'), 'the key does not say whose it is');
  await ann.page.getByRole('button', { name: 'Rename Ann’s phone' }).click();
  await ann.page.getByLabel('New name').fill('Work phone');
  await button(ann, 'Rename').click();
  await ann.page.getByText('Renamed.').waitFor();
  await ann.page.getByRole('listitem').filter({ hasText: 'Work phone' }).waitFor();
  await ann.wide();
  await ann.clean('passkeys');
  await ann.shot('signin-passkeys');
  await signOut(ann);

  await button(ann, 'Sign in with a passkey').click();
  await inside(ann); // and no second step: the key is both

  await ann.go('#/more/lock');
  await button(ann, 'Set a PIN').click();
  await ann.page.getByLabel('New PIN', { exact: true }).fill('7319');
  await ann.page.getByLabel('The new PIN again').fill('7319');
  await button(ann, 'Set the PIN').click();
  await ann.page.locator('[role=status]', { hasText: 'The PIN is set' }).waitFor();
  await button(ann, 'Lock now').click();
  await ann.page.getByRole('heading', { name: 'Locked' }).waitFor();
  await button(ann, 'Open with a passkey').waitFor();
  await ann.clean('lock screen with a passkey');
  await ann.shot('signin-locked');
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
  await button(ann, 'Open with a passkey').click();
  await ann.page.getByText('Not opened: the device did not confirm that it is you').waitFor();
  await cdp.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: true });
  await button(ann, 'Open with a passkey').click();
  await button(ann, 'Lock now').waitFor(); // where she was

  await ann.go('#/more/proofs');
  await ann.page.getByRole('button', { name: 'Remove Work phone' }).click();
  await ann.page.getByLabel('Your password, to be sure that it is you').fill(secret);
  await button(ann, 'Remove it').click();
  await ann.page.getByText('The passkey is removed and signs nobody in any more.').waitFor();
  await signOut(ann);
  await button(ann, 'Sign in with a passkey').click();
  await ann.page.getByText('That passkey was not accepted').waitFor();
  await ann.shot('signin-refused');
});

test('5 a provider that is down says so, and the password is one step away', async () => {
  await ann.page.getByRole('link', { name: 'Sign in with an account that is down' }).click();
  await ann.page.getByRole('heading', { name: 'Nobody answers' }).waitFor();
  await ann.page.getByRole('link', { name: 'Try again' }).waitFor();
  await ann.clean('provider down');
  await ann.wide();
  await ann.shot('signin-down');
  await ann.page.getByRole('link', { name: 'Sign in with a password' }).click();
  await ann.page.getByRole('heading', { name: 'Sign in' }).waitFor();
  const ours = ann.strangers.filter((u) => !u.startsWith(op.url));
  assert.deepEqual(ours, [], 'the app asked another origin');
  assert.deepEqual(ann.errors, [], ann.errors.join(' | '));
});
