// oidc-provider, a certified OpenID provider that we did not write, signs people in to the real program: the code flow with PKCE, this
// server proving itself by its key (private_key_jwt), and back-channel logout as the provider itself sends it.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as probe } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';

import Provider from 'oidc-provider';

const binary = new URL('../../bin/wardline', import.meta.url).pathname;
const dir = mkdtempSync(join(tmpdir(), 'wardline-op-'));
let trust;
let issuer;
let op;
let listening;
let server;

async function freePort() {
  const s = probe();
  await new Promise((ok) => s.listen(0, '127.0.0.1', ok));
  const { port } = s.address();
  await new Promise((ok) => s.close(ok));
  return port;
}

/** keyPair makes the key by which the trust proves itself, and returns its public half. */
function keyPair(name, kid) {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(dir, name), privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  return { ...publicKey.export({ format: 'jwk' }), kid, use: 'sig', alg: 'RS256' };
}

async function startProvider(jwk) {
  const port = await freePort();
  issuer = `http://127.0.0.1:${port}`;
  const people = { ann: { email: 'ann.example@st-elsewhere.example', email_verified: true, name: 'Ann Example' }, zed: { email: 'zed@elsewhere.example', email_verified: true, name: 'Zed' } };
  op = new Provider(issuer, {
    clients: [{
      client_id: 'wardline', redirect_uris: [`${trust}/_wardline/sso/op/callback`], token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] },
      backchannel_logout_uri: `${trust}/_wardline/sso/op/logout`, backchannel_logout_session_required: true,
    }],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['a key of this test'] },
    features: { backchannelLogout: { enabled: true }, devInteractions: { enabled: true } },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...people[id] }) }),
    jwks: { keys: [{ ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }), kid: 'op', use: 'sig' }] },
    pkce: { required: () => true },
    ttl: { Session: 3600, Grant: 3600, Interaction: 600, AccessToken: 600, IdToken: 600 },
  });
  listening = createServer(op.callback());
  await new Promise((ok) => listening.listen(port, '127.0.0.1', ok));
}

async function startTrust() {
  const staff = join(dir, 'staff.csv');
  writeFileSync(staff, 'Employee Number,Name,Email,Position\n901,Ann Example,ann.example@st-elsewhere.example,Staff nurse\n');
  execFileSync(binary, ['staff', 'import', '-data', join(dir, 'data'), '-server-name', 'hs1', staff], { stdio: ['ignore', 'ignore', 'inherit'] });
  server = spawn(binary, ['serve', '-server-name', 'hs1', '-data', join(dir, 'data'), '-listen', trust.slice(7), '-public-url', trust, '-sso', join(dir, 'sso'), '-no-rate-limits', '-log-json'], { stdio: ['ignore', 'inherit', 'pipe'] });
  process.on('exit', () => server.kill('SIGKILL')); // whatever ends this test
  const gone = new Promise((_, no) => server.once('exit', (code) => no(new Error(`the server ended with ${code}`))));
  gone.catch(() => undefined);
  const ready = new Promise((ok) => {
    createInterface({ input: server.stderr }).on('line', (line) => {
      const said = JSON.parse(line);
      if (said.msg === 'ready') ok();
      else if (said.level !== 'INFO') console.error(line);
    });
  });
  await Promise.race([ready, gone]);
}

/** Browser keeps cookies and follows redirects, as one does. */
class Browser {
  jar = new Map();

  async one(method, url, form) {
    const host = new URL(url).host;
    const cookies = [...(this.jar.get(host) ?? new Map())].map(([k, v]) => `${k}=${v}`).join('; ');
    const headers = { cookie: cookies, 'sec-fetch-site': 'same-origin' };
    const answer = await fetch(url, { method, redirect: 'manual', headers, body: form ? new URLSearchParams(form) : undefined });
    const mine = this.jar.get(host) ?? new Map();
    for (const line of answer.headers.getSetCookie()) {
      const [pair] = line.split(';');
      const i = pair.indexOf('=');
      if (/expires=Thu, 01 Jan 1970/i.test(line) || pair.slice(i + 1) === '') mine.delete(pair.slice(0, i));
      else mine.set(pair.slice(0, i), pair.slice(i + 1));
    }
    this.jar.set(host, mine);
    return answer;
  }

  async goes(url, method = 'GET', form = undefined) {
    for (let n = 0; n < 15; n++) {
      const answer = await this.one(method, url, form);
      const to = answer.headers.get('location');
      if (answer.status < 300 || answer.status >= 400 || !to) return { status: answer.status, url, body: await answer.text() };
      [method, url, form] = ['GET', new URL(to, url).href, undefined];
    }
    throw new Error('sent round and round');
  }

  /** signsIn goes through the provider's own pages. */
  async signsIn(login, begin = '/_wardline/sso/op/begin?door=app') {
    let at = await this.goes(trust + begin);
    for (let n = 0; n < 4 && at.url.startsWith(issuer); n++) {
      const action = /action="([^"]+)"/.exec(at.body)?.[1];
      const prompt = /name="prompt" value="([^"]+)"/.exec(at.body)?.[1];
      assert.ok(action && prompt, `a page of the provider's that is not known: ${at.body.slice(0, 500)}`);
      at = await this.goes(new URL(action, at.url).href, 'POST', { prompt, ...(prompt === 'login' ? { login, password: 'any' } : {}) });
    }
    return at;
  }

  async session() {
    const answer = await this.one('GET', `${trust}/_wardline/v1/session`);
    return answer.status === 200 ? (await answer.json()).user_id : `${answer.status}`;
  }

  /** signsOut ends the session at the provider, which then tells the trust. */
  async signsOut() {
    const page = await this.goes(`${issuer}/session/end`);
    const xsrf = /name="xsrf" value="([^"]+)"/.exec(page.body)?.[1];
    assert.ok(xsrf, page.body.slice(0, 500));
    await this.goes(`${issuer}/session/end/confirm`, 'POST', { xsrf, logout: 'yes' });
  }
}

before(async () => {
  trust = `http://127.0.0.1:${await freePort()}`;
  execFileSync('mkdir', [join(dir, 'sso')]);
  const jwk = keyPair('trust.pem', 'trust-1');
  await startProvider(jwk);
  writeFileSync(join(dir, 'sso', 'op.yaml'), `id: op\nname: The provider\nissuer: ${issuer}\nclient_id: wardline\nprivate_key_file: ../trust.pem\nprivate_key_id: trust-1\n`);
  await startTrust();
});

after(async () => {
  server?.kill('SIGTERM');
  await new Promise((ok) => (server ? server.once('exit', ok) : ok()));
  listening?.closeAllConnections();
  listening?.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a certified provider signs people in, and out again', { timeout: 60_000 }, async (t) => {
  const ann = new Browser();
  const second = new Browser();

  await t.test('the code flow, with PKCE and private_key_jwt', async () => {
    const at = await ann.signsIn('ann');
    assert.equal(at.url, `${trust}/`, at.body.slice(0, 800));
    assert.equal(await ann.session(), '@ann.example:hs1');
  });

  await t.test('whom the provider knows and the trust does not is nobody', async () => {
    const zed = new Browser();
    const at = await zed.signsIn('zed');
    assert.equal(at.status, 403);
    assert.match(at.body, /nobody here has that e-mail address/);
    assert.equal(await zed.session(), '401');
  });

  await t.test('the provider asks anew at a shared computer', async () => {
    const at = await ann.goes(`${trust}/_wardline/sso/op/begin?door=app&shared=1`);
    assert.ok(at.url.startsWith(issuer), 'let through without being asked');
    assert.match(at.body, /name="password"/);
  });

  await t.test('back-channel logout ends the session that is meant, and no other', async () => {
    await second.signsIn('ann');
    assert.equal(await second.session(), '@ann.example:hs1');
    const told = new Promise((ok, no) => {
      op.once('backchannel.success', ok);
      op.once('backchannel.error', (_, e) => no(e));
    });
    await ann.signsOut();
    await told;
    assert.equal(await ann.session(), '401');
    assert.equal(await second.session(), '@ann.example:hs1');
  });

  await t.test('another client signs in by m.login.sso', async () => {
    const back = 'http://127.0.0.1:1/client';
    const at = await second.goes(`${trust}/_matrix/client/v3/login/sso/redirect/op?redirectUrl=${encodeURIComponent(back)}`);
    const handle = /name="handle" value="([^"]+)"/.exec(at.body)?.[1];
    assert.ok(handle, at.body.slice(0, 500));
    const answer = await second.one('POST', `${trust}/_wardline/sso/continue`, { handle, answer: 'yes' });
    const to = new URL(answer.headers.get('location'));
    assert.equal(to.origin + to.pathname, back);
    const login = await fetch(`${trust}/_matrix/client/v3/login`, { method: 'POST', body: JSON.stringify({ type: 'm.login.token', token: to.searchParams.get('loginToken') }) });
    assert.equal((await login.json()).user_id, '@ann.example:hs1');
  });
});
