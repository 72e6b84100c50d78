// The story of the first issue, in real browsers side by side, against the real binary. No sleeps: every line waits
// for what the next one needs.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, launch, password, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

const ward = 'Ward 7 doctors and nurses';
let server;
let browser;
let asha;
let tom;
let liam;
let grace;

before(async () => {
  server = await startDemo();
  browser = await launch();
  asha = await Person.arrive(browser, server.url, 'asha', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk, { theme: 'night' });
  liam = await Person.arrive(browser, server.url, 'liam', phone, { theme: 'night' });
  grace = await Person.arrive(browser, server.url, 'grace', desk);
});

after(async () => {
  for (const [i, p] of [asha, tom, liam, grace].entries()) await p?.shot(`end-${i}-${p.name}`).catch(() => undefined);
  await browser?.close();
  await server?.stop();
});

const everybody = () => [asha, tom, liam, grace];

test('1 Asha signs in, sees her conversations, and scrolls past 500 messages without a jump', async () => {
  await asha.page.goto(`${server.url}/`);
  await asha.page.waitForSelector('#user');
  await asha.clean('sign-in');
  await asha.page.fill('#user', 'asha');
  await asha.page.fill('#password', 'not this');
  await asha.page.click('button[type=submit]');
  await asha.page.waitForSelector('[role=alert]');
  await asha.clean('sign-in refused');
  await asha.signIn();
  await tom.signIn();
  await asha.page.waitForFunction((w) => [...document.querySelectorAll('.row')].some((r) => r.textContent.includes(w) && r.querySelector('.count')), ward);
  await asha.clean('conversations');
  await asha.wide();
  await tom.clean('conversations');
  await asha.open(ward);
  await asha.page.waitForSelector('.unread');
  await asha.clean('conversation');
  const r = await asha.page.evaluate(scrollBack);
  assert.ok(r.seen > 500, `only ${r.seen} messages were seen`);
  assert.ok(r.worst <= 1, `a row jumped by ${r.worst} px`);
  assert.ok(r.rows <= 400, `${r.rows} rows in the page`);
  await asha.page.click('.jump');
  await asha.page.waitForSelector('.stream-scroll[data-at-bottom=true]');
});

// scrollBack runs in the page: a row in the middle must move by exactly what was scrolled, whatever is added above.
async function scrollBack() {
  const box = document.querySelector('.stream-scroll');
  const frame = () => new Promise((ok) => requestAnimationFrame(() => ok()));
  const seen = new Set();
  let worst = 0;
  let rows = 0;
  for (let still = 0; still < 600;) {
    const row = document.elementFromPoint(200, 430)?.closest('[data-key]');
    const key = row?.dataset.key;
    const was = row?.getBoundingClientRect().top ?? 0;
    const from = box.scrollTop;
    box.scrollTop = from - 350;
    const moved = from - box.scrollTop;
    still = moved === 0 ? still + 1 : 0;
    await frame();
    await frame();
    for (const a of document.querySelectorAll('article[data-event]')) seen.add(a.dataset.event);
    rows = Math.max(rows, document.querySelectorAll('.stream > *').length);
    const now = key === undefined ? null : document.querySelector(`[data-key="${CSS.escape(key)}"]`);
    if (now) worst = Math.max(worst, Math.abs(now.getBoundingClientRect().top - was - moved));
    if (box.scrollTop === 0 && document.querySelector('.top-of-room')?.textContent.includes('begins')) break;
  }
  return { seen: seen.size, worst, rows };
}

test('2 she writes, Tom sees it come, types, replies and reacts', async () => {
  await tom.open(ward);
  await tom.page.waitForSelector('.stream-scroll[data-at-bottom]');
  await tom.page.evaluate(() => { globalThis.neverReloaded = true; });
  await asha.page.fill('#say', 'Bed 9 fluids are countersigned');
  const drawn = await asha.page.evaluate(async () => {
    const from = performance.now();
    document.querySelector('button[aria-label=Send]').click();
    await new Promise((ok) => requestAnimationFrame(() => ok()));
    const there = [...document.querySelectorAll('article.is-own')].some((a) => a.textContent.includes('Bed 9 fluids are countersigned'));
    return { there, ms: performance.now() - from };
  });
  assert.ok(drawn.there, 'the bubble was not there in the next frame');
  await asha.message('Bed 9 fluids').and(asha.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await tom.message('Bed 9 fluids').waitFor();
  await asha.message('Bed 9 fluids').and(asha.page.locator('[data-state=seen]')).waitFor();
  await asha.page.locator('.receipt', { hasText: 'Tom Reid' }).waitFor();
  await asha.page.locator('.receipt', { hasText: 'Tom Reid' }).click();
  await asha.page.locator('dialog [data-standing=seen] li', { hasText: 'Tom Reid' }).waitFor();
  await asha.clean('message and who has seen it');
  await asha.page.keyboard.press('Escape');
  await asha.page.locator('#say').pressSequentially('One more');
  await tom.page.locator('.typing', { hasText: 'Asha Patel is typing' }).waitFor();
  await tom.menu('Bed 9 fluids');
  await tom.page.click('dialog >> text=Reply');
  await tom.page.fill('#say', 'Thank you, **saved** me a walk');
  await tom.page.keyboard.press('Enter');
  await asha.message('saved me a walk').locator('.quote', { hasText: 'Bed 9 fluids' }).waitFor();
  assert.equal(await asha.message('saved me a walk').locator('.bubble strong').textContent(), 'saved');
  await tom.menu('Bed 9 fluids');
  await tom.page.click('dialog >> text=Got it');
  await asha.message('Bed 9 fluids').locator('.react', { hasText: 'Got it 1' }).waitFor();
  await tom.message('Bed 9 fluids').locator('.react[aria-pressed=true]').click();
  await asha.message('Bed 9 fluids').locator('.react').waitFor({ state: 'detached' });
  assert.ok(await tom.page.evaluate(() => globalThis.neverReloaded === true));
  await tom.clean('conversation');
  await asha.page.fill('#say', '');
});

test('3 a photo is shrunk, stripped, sent with progress, shown without a shift, and zooms', async () => {
  const picture = await asha.page.evaluate(async () => {
    const c = new OffscreenCanvas(3000, 2000);
    const ink = c.getContext('2d');
    for (let i = 0; i < 4000; i++) {
      ink.fillStyle = `hsl(${(i * 37) % 360} 60% 60%)`;
      ink.fillRect((i * 7919) % 3000, (i * 104729) % 2000, 90, 60);
    }
    const b = await c.convertToBlob({ type: 'image/jpeg', quality: 0.9 });
    return [...new Uint8Array(await b.arrayBuffer())];
  });
  const secret = Buffer.from('Exif\0\0GPS 51.5072N ward phone of A Patel');
  const head = Buffer.from([0xff, 0xe1, 0, secret.length + 2]);
  const jpeg = Buffer.concat([Buffer.from(picture.slice(0, 2)), head, secret, Buffer.from(picture.slice(2))]);
  assert.ok(jpeg.includes('GPS 51.5072N'));
  const cdp = await asha.context.newCDPSession(asha.page);
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 20, downloadThroughput: -1, uploadThroughput: 400_000 });
  const going = asha.page.waitForRequest((r) => r.url().includes('/media/v3/upload') || (r.method() === 'PUT' && r.url().includes('/_wardline/v1/uploads/')));
  await asha.page.setInputFiles('input[data-pick=photo]', { name: 'IMG_2231.jpg', mimeType: 'image/jpeg', buffer: jpeg });
  await asha.page.click('dialog.attach button[type=submit]');
  const body = (await going).postDataBuffer();
  await asha.page.waitForSelector('[role=progressbar]');
  await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  if (body) {
    assert.equal(body.readUInt16BE(0), 0xffd8, 'it is a JPEG');
    assert.ok(!body.includes('Exif') && !body.includes('GPS 51'), 'what the camera noted is still there');
  }
  const photo = tom.page.locator('article.say').filter({ has: tom.page.locator('a[data-photo]') }).last().locator('a[data-photo]');
  await photo.waitFor();
  const box = await photo.boundingBox();
  await tom.page.waitForFunction(() => [...document.querySelectorAll('a[data-photo] img')].at(-1).complete);
  const later = await photo.boundingBox();
  assert.deepEqual([Math.round(box.width), Math.round(box.height)], [Math.round(later.width), Math.round(later.height)], 'the box changed when the picture came');
  const natural = await tom.page.evaluate(() => [...document.querySelectorAll('a[data-photo] img')].at(-1).naturalWidth);
  assert.ok(natural > 0, 'the picture did not load');
  await photo.click();
  await tom.page.waitForSelector('.viewer img');
  await tom.page.waitForFunction(() => document.querySelector('.viewer img').naturalWidth > 0);
  assert.ok(await tom.page.evaluate(() => Math.max(document.querySelector('.viewer img').naturalWidth, document.querySelector('.viewer img').naturalHeight)) <= 2048);
  await tom.clean('photo');
  await tom.page.click('.viewer >> text=Larger');
  await tom.page.waitForFunction(() => Number(document.querySelector('.viewer').dataset.scale) > 1.4);
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.viewer', { state: 'detached' });
  await asha.page.locator('article.is-own a[data-photo]').last().click();
  await asha.page.waitForSelector('.viewer img');
  await asha.page.goBack();
  await asha.page.waitForSelector('.viewer', { state: 'detached' });
});

test('4 she makes a group of people and a post, and adds somebody', async () => {
  await asha.go('#/new');
  await asha.page.waitForSelector('text=New group');
  await asha.clean('new chat');
  await asha.page.click('a:has-text("New group")');
  await asha.page.fill('#group-name', 'Discharge round');
  for (const who of ['Tom Reid', 'Medical registrar on call']) {
    await asha.page.fill('#who', who.slice(0, 9));
    await asha.page.locator('[role=option]', { hasText: who }).first().waitFor();
    await asha.clean('search for people and posts');
    await asha.page.locator('[role=option]', { hasText: who }).first().click();
  }
  await asha.page.locator('.picked', { hasText: 'Medical registrar' }).waitFor();
  await asha.clean('new group');
  await asha.wide();
  await asha.page.click('text=Make the group');
  await asha.page.locator('h1', { hasText: 'Discharge round' }).waitFor();
  await tom.page.locator('.row', { hasText: 'Discharge round' }).waitFor();
  await asha.page.click('button[aria-label^="Add a photo"]');
  await asha.page.waitForSelector('dialog[open]');
  await asha.clean('add');
  await asha.page.click('dialog >> text=Add people');
  await asha.page.fill('#who', 'Grace');
  await asha.page.locator('[role=option]', { hasText: 'Grace Obi' }).first().click();
  await asha.page.click('text=Add them');
  await asha.page.locator('h1', { hasText: 'Discharge round' }).waitFor();
  await asha.page.locator('.bar .caption', { hasText: '4 people' }).waitFor();
  await asha.say('Round at ten, bay A first');
  await tom.page.locator('.row.is-unread', { hasText: 'Discharge round' }).waitFor();
  await asha.page.click('a[aria-label^="Patient, members"]');
  await asha.page.locator('.split-side', { hasText: 'Liam Hughes' }).waitFor();
  await asha.clean('group details');
});

test('5 she pages a post; it rings, escalates, and is accepted', async () => {
  await liam.signIn();
  await grace.signIn();
  await liam.page.tap('h1');
  await grace.page.click('h1');
  await asha.go('#/pages/new');
  await asha.page.fill('#post', 'medical registrar');
  await asha.page.locator('[role=option]', { hasText: 'Medical registrar on call' }).first().click();
  await asha.page.fill('#about', 'jones');
  await asha.page.locator('[role=option]', { hasText: 'JONES, Raj' }).first().click();
  await asha.page.fill('#where', 'Ward 7 bay C');
  await asha.page.fill('#what', 'NEWS2 9, BP 82/40');
  await asha.page.fill('#callback', '4417');
  await asha.page.locator('.what-if', { hasText: 'Liam Hughes' }).waitFor();
  await asha.page.locator('.what-if', { hasText: 'Grace Obi' }).waitFor();
  await asha.clean('new page');
  await asha.wide();
  await asha.page.click('text=Send urgent page');
  await liam.page.waitForSelector('.alarm[data-sounding=true]');
  assert.equal(await liam.page.getAttribute('.alarm-cover', 'role'), 'alertdialog');
  assert.ok(await liam.page.evaluate(() => document.querySelector('.alarm-cover:modal').contains(document.activeElement)), 'focus is in the alarm');
  await liam.page.locator('.alarm', { hasText: 'Ward 7 bay C' }).waitFor();
  await asha.page.waitForSelector('[data-step=reached]');
  await asha.page.waitForSelector('[data-step=seen]');
  await liam.clean('alarm');
  await asha.clean('page, open');
  await grace.page.waitForSelector('.alarm[data-sounding=true]', { timeout: 60_000 });
  await liam.page.waitForSelector('.alarm', { state: 'detached' });
  await liam.page.locator('.toast', { hasText: 'Passed on to Grace Obi' }).waitFor();
  await asha.page.waitForSelector('[data-step=passed]');
  await grace.clean('alarm');
  await grace.page.click('.alarm >> text=In 5 min');
  await grace.page.waitForSelector('.alarm', { state: 'detached' });
  await asha.page.locator('.clock', { hasText: 'Accepted by Grace Obi' }).waitFor();
  const steps = await asha.page.locator('.timeline [data-step]').evaluateAll((all) => all.map((li) => li.dataset.step));
  const order = ['sent', 'reached', 'seen', 'passed', 'accepted'].map((k) => steps.indexOf(k));
  assert.ok(order.every((n, i) => n >= 0 && (i === 0 || n > order[i - 1])), `steps came as ${steps.join(', ')}`);
  await asha.clean('page, accepted');
  await grace.page.locator('.clock', { hasText: 'Accepted by you' }).waitFor();
  await liam.go('#/pages');
  await liam.page.locator('.row', { hasText: 'Grace Obi' }).first().waitFor();
  await liam.clean('pages');
});

test('6 the plan becomes a decision and is filed, once, also after the record was away', async () => {
  await grace.page.click('.dock >> text=Conversation');
  await grace.page.waitForSelector('.event[data-status=accepted]');
  await grace.say('Start sepsis six, 500 mL crystalloid, repeat lactate in an hour');
  await grace.message('Start sepsis six').and(grace.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await grace.menu('Start sepsis six');
  await grace.page.click('dialog >> text=Mark as decision');
  await grace.clean('mark as decision');
  await grace.page.click('dialog >> text=Mark and file');
  await grace.message('Start sepsis six').locator('.seal').waitFor();
  await grace.message('Start sepsis six').locator('[data-filing=filed]', { hasText: /number \S+/ }).waitFor();
  await grace.clean('conversation with a decision');
  await asha.go('#/chats');
  await asha.open('JONES, Raj');
  await asha.message('Start sepsis six').locator('[data-filing=filed]').waitFor();
  await asha.page.waitForSelector('.event[data-status=accepted]');
  await asha.clean('patient conversation');
  await record(false);
  await grace.say('Blood cultures before the first dose');
  await grace.message('Blood cultures').and(grace.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await grace.menu('Blood cultures');
  await grace.page.click('dialog >> text=Mark as decision');
  await grace.page.click('dialog >> text=Mark and file');
  await grace.message('Blood cultures').locator('[data-filing=waiting]').waitFor();
  await grace.clean('decision that waits for the record');
  await record(true);
  await grace.message('Blood cultures').locator('[data-filing=filed]').waitFor({ timeout: 60_000 });
});

// record stops and starts the demo's own FHIR server.
async function record(up) {
  const status = await grace.page.evaluate(async (on) => (await fetch('/_wardline/demo/fhir', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ up: on }) })).status, up);
  assert.equal(status, 200);
}

test('7 without a network, and through a kill -9, nothing is lost or doubled', async () => {
  await tom.page.waitForFunction(() => navigator.serviceWorker.controller !== null || navigator.serviceWorker.ready.then(() => true));
  await tom.open(ward);
  await asha.go('#/chats');
  await asha.open(ward);
  await tom.context.setOffline(true);
  await tom.page.locator('.offline:visible', { hasText: 'Offline since' }).first().waitFor();
  for (const n of ['one', 'two', 'three']) await tom.say(`Offline ${n}`);
  assert.equal(await tom.page.locator('article.is-own[data-state=wait], article.is-own[data-state=sending]').count(), 3);
  await tom.page.locator('.offline:visible', { hasText: '3 messages waiting' }).first().waitFor();
  await tom.clean('offline');
  await tom.go('#/pages/new');
  await tom.page.locator('.notice', { hasText: 'No connection. Ring 2222.' }).waitFor();
  await tom.page.reload();
  await tom.page.locator('.notice', { hasText: 'Ring 2222' }).waitFor();
  await tom.go('#/chats');
  await tom.open(ward);
  await tom.message('Offline three').waitFor();
  await tom.page.locator('article.say').filter({ hasText: 'Bed 9 fluids' }).first().waitFor();
  await tom.context.setOffline(false);
  await tom.message('Offline three').and(tom.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await asha.message('Offline three').waitFor();
  const got = await asha.page.locator('article.say .bubble p').evaluateAll((all) => all.map((p) => p.textContent).filter((t) => t.startsWith('Offline ')).map((t) => t.split(/[\s\d]/)[1]));
  assert.deepEqual(got, ['one', 'two', 'three']);

  await tom.go('#/pages/new?post=po_med_spr');
  await tom.page.locator('.box', { hasText: 'Medical registrar' }).waitFor();
  await tom.page.fill('#where', 'Ward 7 treatment room');
  await tom.page.fill('#what', 'Chest pain, ST change');
  await tom.page.click('text=Send urgent page');
  await liam.page.waitForSelector('.alarm');
  await asha.say('Written just before the power went');
  await asha.message('just before the power').and(asha.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await server.killHard();
  await asha.page.locator('.offline:visible').first().waitFor();
  await asha.say('Written while it was down');
  await server.start();
  await grace.page.waitForSelector('.alarm', { timeout: 60_000 });
  await asha.message('while it was down').and(asha.page.locator('[data-state=sent], [data-state=seen]')).waitFor({ timeout: 60_000 });
  await grace.page.click('.alarm .is-accept');
  await tom.page.locator('.clock', { hasText: 'Accepted by Grace Obi' }).waitFor();
  await asha.page.reload();
  await asha.message('just before the power').waitFor();
  await asha.message('while it was down').waitFor();
  assert.equal(await asha.page.locator('article.say', { hasText: 'while it was down' }).count(), 1);
  assert.equal(await asha.page.locator('article.say', { hasText: 'just before the power' }).count(), 1);
});

test('8 the other screens, narrow, by keyboard, and out', async () => {
  for (const [hash, words] of [['#/patients', 'Patients'], ['#/work', 'On duty now'], ['#/more', 'More'], ['#/pages', 'Pages']]) {
    await asha.go(hash);
    await asha.page.locator('h1', { hasText: words }).first().waitFor();
    await asha.clean(words);
    await grace.go(hash);
    await grace.page.locator('h1', { hasText: words }).first().waitFor();
    await grace.clean(words);
  }
  await asha.go('#/chats/!nowhere');
  await asha.page.locator('.notice', { hasText: 'This conversation cannot be shown' }).waitFor();
  assert.equal(await asha.page.locator('#say').count(), 0, 'one can write to nowhere');
  await asha.go('#/pages/new?post=po_med_sho2');
  await asha.page.locator('.box', { hasText: 'Nobody holds it now: goes at once to' }).waitFor();
  await asha.clean('page to a post that nobody holds');
  await asha.go('#/patients');
  await asha.page.locator('.row', { hasText: 'JONES' }).first().click();
  await asha.page.locator('.alert-line, .facts-grid').first().waitFor();
  await asha.clean('patient');
  await asha.page.setViewportSize({ width: 320, height: 640 });
  for (const hash of ['#/chats', '#/pages', '#/patients', '#/work', '#/more', '#/new/group', '#/pages/new']) {
    await asha.go(hash);
    await asha.page.waitForSelector('h1:visible');
    await asha.wide();
  }
  await asha.page.setViewportSize(phone);
  await grace.go('#/chats');
  await grace.page.keyboard.press('Control+k');
  await grace.page.keyboard.type('discharge');
  await grace.page.keyboard.press('Enter');
  await grace.page.locator('h1', { hasText: 'Discharge round' }).waitFor();
  const ask = async (path, body, token) => (await fetch(`${server.url}/_matrix/client/v3/${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) })).json();
  const elsewhere = await ask('login', { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'liam' }, password });
  await ask('logout/all', {}, elsewhere.access_token);
  await liam.page.locator('.notice', { hasText: 'You were signed out' }).waitFor();
  assert.equal(await liam.page.evaluate(rowsOnDevice), 0, 'a device that was signed out elsewhere still holds something');
  await asha.go('#/more');
  await asha.page.click('text=Sign out and erase this device');
  const afresh = asha.page.waitForEvent('load'); // the page starts anew when the device is empty
  await asha.page.locator('button', { hasText: /^Sign out and erase$/ }).click();
  await afresh;
  await asha.page.waitForSelector('#user');
  assert.equal(await asha.page.evaluate(rowsOnDevice), 0, 'the device still holds something');
  for (const p of everybody()) p.quiet();
});

async function rowsOnDevice() {
  const ask = (r) => new Promise((ok, no) => { r.onsuccess = () => ok(r.result); r.onerror = no; });
  let n = 0;
  for (const { name } of await indexedDB.databases()) {
    const db = await ask(indexedDB.open(name));
    for (const s of db.objectStoreNames) n += await ask(db.transaction(s).objectStore(s).count());
    db.close();
  }
  for (const name of await caches.keys()) if (!name.startsWith('wardline-shell-')) n++;
  return n;
}
