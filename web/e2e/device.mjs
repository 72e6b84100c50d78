// What a device does when nobody looks at it: it is told, it rings, it locks, it forgets. Against the real binary, with a push service
// of our own in the place of the browser maker's.

import assert from 'node:assert/strict';
import { createDecipheriv, createECDH, hkdfSync, randomBytes } from 'node:crypto';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { desk, lastLooks, launch, out, password, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;
let push;

// A push service with one browser: it decrypts as the browser would.
async function pushService() {
  const keys = createECDH('prime256v1');
  keys.generateKeys();
  const auth = randomBytes(16);
  const heard = [];
  const waiting = [];
  const http = createServer((req, res) => {
    const parts = [];
    req.on('data', (d) => parts.push(d));
    req.on('end', () => {
      const body = Buffer.concat(parts);
      const salt = body.subarray(0, 16);
      const theirs = body.subarray(21, 86);
      const mine = keys.getPublicKey();
      const ikm = hkdfSync('sha256', keys.computeSecret(theirs), auth, Buffer.concat([Buffer.from('WebPush: info\0'), mine, theirs]), 32);
      const key = Buffer.from(hkdfSync('sha256', Buffer.from(ikm), salt, 'Content-Encoding: aes128gcm\0', 16));
      const nonce = Buffer.from(hkdfSync('sha256', Buffer.from(ikm), salt, 'Content-Encoding: nonce\0', 12));
      const open = createDecipheriv('aes-128-gcm', key, nonce);
      open.setAuthTag(body.subarray(-16));
      const plain = Buffer.concat([open.update(body.subarray(86, -16)), open.final()]);
      const told = { text: plain.subarray(0, plain.lastIndexOf(2)).toString(), urgency: req.headers.urgency, ttl: req.headers.ttl };
      const next = waiting.shift();
      if (next) next(told);
      else heard.push(told);
      res.writeHead(201).end();
    });
  });
  await new Promise((ok) => http.listen(0, '127.0.0.1', ok));
  const host = `127.0.0.1:${http.address().port}`;
  return {
    host, p256dh: keys.getPublicKey().toString('base64url'), auth: auth.toString('base64url'),
    next: () => (heard.length > 0 ? Promise.resolve(heard.shift()) : new Promise((ok) => waiting.push(ok))),
    stop: () => new Promise((ok) => { http.closeAllConnections(); http.close(ok); }),
  };
}

// standIn takes the place of the browser's own push service, which a test cannot reach.
function standIn({ host, p256dh, auth }) {
  const raw = (s) => Uint8Array.from(atob(s.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0)).buffer;
  let sub = null;
  PushManager.prototype.getSubscription = async () => sub;
  PushManager.prototype.subscribe = async (o) => {
    const key = o.applicationServerKey;
    sub = {
      endpoint: `http://${host}/x`, options: { applicationServerKey: key.buffer ?? key }, getKey: (k) => raw(k === 'auth' ? auth : p256dh),
      unsubscribe: async () => { sub = null; globalThis.unsubscribed = true; return true; },
    };
    return sub;
  };
}

const arrive = (name, size, options) => Person.arrive(browser, server.url, name, size, options);

before(async () => {
  push = await pushService();
  server = await startDemo(['-push-services', push.host, '-urgent-rung', '120s']);
  browser = await launch();
});

after(async () => {
  await lastLooks('device');
  await browser?.close();
  await server?.stop();
  await push?.stop();
});

// until runs in the page: it asks again with every frame, and answers the first thing that is not false. A promise handed to
// waitForFunction counts as true at once, which would prove nothing.
function until(p, source) {
  return p.page.evaluate(async (text) => {
    const ask = new Function(`return (${text})`)();
    for (const end = performance.now() + 10_000; performance.now() < end;) {
      const got = await ask();
      if (got) return got;
      await new Promise((ok) => requestAnimationFrame(() => ok()));
    }
    throw new Error(`never true: ${text}`);
  }, String(source));
}

// A browser that is asked for its notices while one is shown loses it, so this waits its turn as the app does.
const shown = (p) => until(p, () => navigator.locks.request('wardline-notices', async () => {
  const all = await (await navigator.serviceWorker.ready).getNotifications();
  return all.length > 0 && all.map((n) => ({ title: n.title, body: n.body, tag: n.tag }));
}));

let liam;
let asha;

test('1 Start shift tries each part, the server tells the phone, and no word of a message leaves', async () => {
  liam = await arrive('liam', phone);
  await liam.context.addInitScript(standIn, { host: push.host, p256dh: push.p256dh, auth: push.auth });
  await liam.signIn();
  await liam.page.evaluate(() => navigator.serviceWorker.ready);
  await liam.go('#/more');
  await liam.page.click('text=Start shift and test the alarm');
  const trial = await push.next();
  assert.deepEqual(JSON.parse(trial.text), { level: 1, trial: true });
  await liam.page.locator('[data-part]', { hasText: 'Screen' }).waitFor();
  await liam.page.waitForFunction(() => document.querySelectorAll('[data-part]').length === 5 && !document.querySelector('[data-part=doing]'));
  assert.equal(await liam.page.locator('[data-part=ok]', { hasText: 'While the app is closed' }).count(), 1);
  await liam.clean('settings after start shift');
  await liam.wide();
  await liam.shot('device-settings');
  await liam.go('#/more/notices');
  await liam.page.waitForSelector('input[type=checkbox]');
  await liam.page.check('input[type=checkbox]');
  await liam.page.waitForSelector('#from');
  await liam.page.locator('[role=status]', { hasText: 'Saved' }).waitFor();
  await liam.clean('notification settings');
  await liam.wide();
  await liam.shot('device-notices');

  asha = await arrive('asha', desk);
  await asha.signIn();
  const page = await asha.page.evaluate(async () => {
    const r = await fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ txn: 'd1', post: 'po_med_spr', urgency: 'urgent', patient: 'pt_jones', room: null, where: 'Bed 12', what: 'Sepsis? SECRETWORD', need: 'attend', callback: '4417' }) });
    return r.json();
  });
  // Being brought into the patient's conversation may be told first, as its own notice, and says as little.
  let rung;
  let notice;
  do {
    rung = await push.next();
    notice = JSON.parse(rung.text);
    assert.ok(!/SECRETWORD|JONES|Bed|Asha|4417/.test(rung.text), rung.text);
  } while (notice.ref === undefined || notice.ref === '');
  assert.equal(notice.ref, page.id);
  assert.equal(notice.level, 3);
  assert.equal(rung.urgency, 'high');
  await liam.page.waitForSelector('.alarm[data-sounding=true]');
  await liam.page.click('.alarm >> text=In 5 min');
  await liam.page.waitForFunction(() => !document.querySelector('.alarm'));
});

test('2 a notice says nothing of anybody, says that the page arrived, and goes when it is answered or read', async () => {
  const hidden = await liam.context.newPage();
  await liam.page.close(); // the app is closed
  await hidden.goto('about:blank');
  await hidden.close();
  liam.page = await liam.context.newPage();
  await liam.page.goto(`${server.url}/`);
  await liam.page.waitForSelector('.list-pane .row');
  // A window that somebody looks at is told on its own screen; the worker is told that nobody looks.
  await liam.page.evaluate(() => navigator.serviceWorker.ready);
  const rooms = await liam.page.evaluate(() => [...document.querySelectorAll('.list-pane .row')].map((r) => r.getAttribute('href')));
  assert.ok(rooms.length > 2);
  // hazard: H1 none is lost while the app looks at what lies there, as it does whenever something changes.
  await liam.page.evaluate(() => {
    const look = () => navigator.locks.request('wardline-notices', async () => (await navigator.serviceWorker.ready).getNotifications());
    globalThis.looking = (async () => { while (!globalThis.enough) await Promise.all([look(), look()]); })();
  });
  for (let i = 0; i < 20; i++) {
    await liam.told(JSON.stringify({ level: 1, trial: true }));
    const all = await shown(liam);
    assert.equal(all[0].title, 'Wardline');
    assert.match(all[0].body, /trial/);
    await liam.page.evaluate(() => navigator.locks.request('wardline-notices', async () => { for (const n of await (await navigator.serviceWorker.ready).getNotifications()) n.close(); }));
  }
  await liam.page.evaluate(async () => { globalThis.enough = true; await globalThis.looking; });
  // What was read elsewhere is taken away.
  const read = decodeURIComponent(await liam.page.evaluate(() => [...document.querySelectorAll('.list-pane .row')].find((r) => !r.querySelector('.count'))?.getAttribute('href') ?? '')).replace('#/chats/', '');
  await liam.page.evaluate(async (room) => { await (await navigator.serviceWorker.ready).showNotification('Wardline', { body: 'New message', tag: `room ${room}`, data: { room, page: '', to: '#/chats' } }); }, read);
  await asha.page.evaluate(async () => { await fetch('/_wardline/v1/directs', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ user: '@liam:st-elsewhere' }) }); });
  await asha.go('#/chats');
  await liam.page.reload();
  await liam.page.waitForSelector('.list-pane .row');
  await until(liam, () => navigator.locks.request('wardline-notices', async () => (await (await navigator.serviceWorker.ready).getNotifications()).length === 0));
});

test('3 a PIN locks the device on the server, five wrong tries end it, and a locked device still rings', async () => {
  await liam.go('#/more/lock');
  await liam.page.getByRole('button', { name: 'Set a PIN' }).click();
  await liam.page.fill('#new', '1234');
  await liam.page.fill('#again', '1234');
  await liam.page.getByRole('button', { name: 'Set the PIN' }).click();
  await liam.page.locator('[role=alert]', { hasText: 'not all the same' }).waitFor();
  await liam.page.fill('#new', '2580');
  await liam.page.fill('#again', '2580');
  await liam.page.getByRole('button', { name: 'Set the PIN' }).click();
  await liam.page.locator('[role=status]', { hasText: 'The PIN is set' }).waitFor();
  await liam.clean('lock settings');
  await liam.wide();
  await liam.shot('device-lock-settings');
  await liam.page.click('text=Lock now');
  await liam.page.waitForSelector('[data-locked]');
  await liam.clean('lock screen');
  await liam.shot('device-locked');
  const words = await liam.page.locator('body').innerText();
  assert.ok(!/Liam|SMITH|JONES|Ward 7/.test(words), words);
  const refused = await liam.page.evaluate(async () => {
    const ask = (path, method = 'GET', body) => fetch(path, { method, ...(body ? { body, headers: { 'Content-Type': 'application/json' } } : {}) }).then(async (r) => `${r.status} ${(await r.text()).slice(0, 60)}`);
    return [await ask('/_matrix/client/v3/sync'), await ask('/_matrix/client/v4/sync', 'POST', '{"lists":{}}'), await ask('/_wardline/v1/pages?box=mine'), await ask('/_wardline/v1/patients'), await ask('/_matrix/client/v3/joined_rooms'), await ask('/_matrix/client/r0/sync')];
  });
  for (const r of refused) assert.match(r, /^403 .*UK_WARDLINE_LOCKED/);
  await asha.page.evaluate(async () => { await fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ txn: 'd2', post: 'po_med_spr', urgency: 'urgent', patient: 'pt_jones', room: null, where: 'Bed 12', what: 'SECRETWORD', need: 'attend', callback: '4417' }) }); });
  await liam.page.locator('[role=alert]', { hasText: 'Urgent page for you' }).waitFor();
  await liam.clean('lock screen with a page');
  await liam.shot('device-locked-page');
  assert.ok(!/SECRETWORD|JONES/.test(await liam.page.locator('body').innerText()));
  await liam.page.fill('#code', '9999');
  await liam.page.keyboard.press('Enter');
  await liam.page.locator('#why').waitFor();
  await liam.page.fill('#code', '2580');
  await liam.page.keyboard.press('Enter');
  await liam.page.waitForSelector('.alarm');
  await liam.page.click('.alarm >> text=In 5 min');
  await liam.page.waitForFunction(() => !document.querySelector('.alarm'));
  await liam.page.waitForSelector('.main-pane');
});

test('4 a device signed out from another one erases what it keeps, and its subscription', async () => {
  const before = await liam.page.evaluate(async () => (await indexedDB.databases()).map((d) => d.name));
  assert.deepEqual(before, ['wardline']);
  const other = await arrive('liam', desk, { theme: 'night' });
  await other.signIn();
  await other.go('#/more/devices');
  const rows = other.page.locator('li.item');
  await rows.first().waitFor();
  await other.clean('devices');
  await other.shot('device-devices');
  await other.page.locator('li.item', { hasNotText: 'This one' }).first().locator('button').click();
  await other.page.fill('#again', 'wrong');
  await other.page.click('text=Sign it out');
  await other.page.locator('#again-why').waitFor();
  await other.page.fill('#again', password);
  const afresh = liam.page.waitForEvent('load'); // the page starts anew when the device is empty
  await other.page.click('text=Sign it out');
  await other.page.locator('[role=status]', { hasText: 'Signed out' }).waitFor();
  await afresh;
  await liam.page.waitForSelector('#user');
  await until(liam, async () => (await caches.keys()).every((k) => k.startsWith('wardline-shell-')));
  const left = await liam.page.evaluate(async () => ({ caches: (await caches.keys()).filter((k) => !k.startsWith('wardline-shell-')), local: Object.keys(localStorage) }));
  assert.deepEqual(left, { caches: [], local: [] });
  other.quiet();
});

test('5 a shared computer keeps nothing on disk, shows whose it is, and changes hands quickly', async () => {
  const tom = await arrive('tom', desk);
  await tom.page.goto(`${server.url}/`);
  await tom.page.waitForSelector('#user');
  await tom.page.fill('#user', 'tom');
  const built = tom.page.waitForEvent('load'); // the app starts anew as one that keeps nothing
  await tom.page.click('.shared input');
  await built;
  await tom.page.waitForFunction(() => document.querySelector('.shared input')?.checked && document.querySelector('#user')?.value === 'tom');
  await tom.clean('sign-in on a shared computer');
  await tom.page.fill('#password', password);
  await tom.page.click('button[type=submit]');
  await tom.page.waitForSelector('.list-pane .row');
  await tom.page.locator('[aria-label="Shared computer"]', { hasText: 'Tom Reid' }).waitFor();
  await tom.open('SMITH, Ann');
  await tom.say('Written on the ward computer');
  await tom.message('Written on the ward computer').and(tom.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await tom.clean('conversation on a shared computer');
  await tom.shot('device-shared');
  const kept = await tom.page.evaluate(async () => ({ dbs: (await indexedDB.databases()).map((d) => d.name), caches: (await caches.keys()).filter((k) => !k.startsWith('wardline-shell-')) }));
  assert.deepEqual(kept, { dbs: [], caches: [] });
  const session = (await tom.context.cookies()).find((c) => c.name === 'wl_session');
  assert.equal(session?.expires, -1, 'the browser keeps the session when it is closed');
  // What a page writes while the browser clears the site may be lost. It is still a shared computer.
  await tom.page.evaluate(() => addEventListener('pagehide', () => localStorage.clear()));
  const empty = tom.page.waitForEvent('load');
  await tom.page.click('text=Switch user');
  await empty;
  await tom.page.waitForSelector('#user');
  await tom.page.waitForFunction(() => document.querySelector('.shared input')?.checked);
  await tom.page.setViewportSize({ width: 320, height: 640 });
  await tom.wide();
  await tom.page.fill('#user', 'grace');
  await tom.page.fill('#password', password);
  await tom.page.click('button[type=submit]');
  await tom.page.locator('[aria-label="Shared computer"]', { hasText: 'Grace' }).waitFor();
  await tom.wide();
  await tom.shot('device-shared-320');
  for (const part of ['', '/notices', '/lock', '/look', '/devices', '/storage', '/access', '/about']) {
    await tom.go(`#/more${part}`);
    await tom.page.waitForSelector(part === '' ? 'nav[aria-label=Settings]' : '.group-label');
    await tom.wide();
    await tom.clean(`settings ${part}`);
  }
  // Who leaves it without a network has left it: the next one is not let in as them.
  await tom.page.evaluate(() => navigator.serviceWorker.ready.then(() => undefined));
  await tom.context.setOffline(true);
  const left = tom.page.waitForEvent('load');
  await tom.page.click('text=Switch user');
  await left;
  await tom.page.waitForSelector('#user');
  await tom.page.locator('[role=status]', { hasText: 'when the network is back' }).waitFor();
  assert.ok(await tom.page.isChecked('.shared input'));
  await tom.context.setOffline(false);
  const there = tom.page.waitForEvent('load');
  await tom.page.reload();
  await there;
  await tom.page.waitForSelector('#user');
  await until(tom, async () => localStorage.getItem('wardline-owed') === null && (await fetch('/_wardline/v1/session')).status === 401);
  // The same where the app is closed before the server has answered.
  await tom.signIn();
  await tom.page.route('**/_wardline/v1/session', (r) => (r.request().method() === 'DELETE' ? undefined : r.fallback()));
  await tom.page.click('text=Switch user');
  await tom.page.locator('[role=status]', { hasText: 'Signing out' }).waitFor();
  tom.quiet();
  await tom.page.close();
  const next = await tom.beside();
  await next.page.waitForSelector('#user');
  await until(next, async () => localStorage.getItem('wardline-owed') === null && (await fetch('/_wardline/v1/session')).status === 401);
  next.quiet();
});

// hazard: H1 a device that can keep nothing is still told of pages.
test('6 a device that can keep nothing is told of everything all the same, and says so; one that cannot work at all says why', async () => {
  const blocked = () => { IDBFactory.prototype.open = () => { throw new DOMException('denied', 'SecurityError'); }; };
  const fills = () => {
    const { put } = IDBObjectStore.prototype;
    let left = 40;
    IDBObjectStore.prototype.put = function (...row) {
      if (left-- <= 0) throw new DOMException('full', 'QuotaExceededError');
      return put.apply(this, row);
    };
  };
  const said = 'what is said on a full device';
  const tom = await Person.arrive(browser, server.url, 'tom', desk);
  await tom.signIn();
  await tom.open('Ward 7 doctors and nurses');
  for (const [how, device] of [['blocked', blocked], ['full', fills]]) {
    const grace = await Person.arrive(browser, server.url, 'grace', phone);
    await grace.context.addInitScript(device);
    await grace.signIn();
    await grace.page.locator('.unkept').first().waitFor();
    await grace.shot(`device-${how}-390`);
    await grace.clean(`a device that is ${how}`);
    await grace.narrow();
    await grace.open('Ward 7 doctors and nurses');
    await grace.say(`${said}: ${how}`);
    await grace.message(`${said}: ${how}`).and(grace.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
    await tom.message(`${said}: ${how}`).waitFor();
    await tom.say(`answer: ${how}`);
    await grace.message(`answer: ${how}`).waitFor();
    await grace.page.reload();
    await grace.message(`answer: ${how}`).waitFor(); // the session is the server's, and so is what was said
    grace.quiet();
    await grace.context.close();
  }
  const nothing = await browser.newContext({ viewport: phone });
  await nothing.addInitScript(() => { Object.defineProperty(globalThis, 'localStorage', { get() { throw new DOMException('denied', 'SecurityError'); } }); });
  const page = await nothing.newPage();
  await page.goto(server.url);
  await page.locator('p', { hasText: 'Allow cookies and site data' }).waitFor();
  await page.locator('p[lang=cy]', { hasText: '2222' }).waitFor();
  await page.setViewportSize({ width: 320, height: 640 });
  assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= 320), 'the words are too wide for a small screen');
  await page.screenshot({ path: `${out}device-unfit-320.png` });
  await nothing.close();
});
