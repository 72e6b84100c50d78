// Everyday things that have no flow of their own: another language, a dot that asks for nothing, a poll that is put right, a new version of
// the store, and a notice that is pressed.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;
let asha;
let liam;
let direct; // the room in which the two talk

before(async () => {
  server = await startDemo();
  browser = await launch();
  asha = await Person.arrive(browser, server.url, 'asha', desk);
  liam = await Person.arrive(browser, server.url, 'liam', phone, { theme: 'night' });
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const call = (p, method, path, body) => p.page.evaluate(async ([m, at, b]) => {
  const r = await fetch(at, { method: m, ...(b ? { body: JSON.stringify(b), headers: { 'Content-Type': 'application/json' } } : {}) });
  return { status: r.status, ...(await r.json()) };
}, [method, path, body]);

const sends = (p, type, content, txn) => call(p, 'PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(direct)}/send/${type}/${txn}`, content);

test('1 the app speaks Welsh to whoever chooses it, fits a narrow screen, and English again', async () => {
  await liam.signIn();
  await liam.go('#/more/look');
  assert.equal(await liam.page.evaluate(() => document.documentElement.lang), 'en');
  const opened = liam.page.waitForEvent('load');
  await liam.page.locator('input[name=language][value=cy]').click();
  await opened;
  await liam.page.locator('h1', { hasText: 'Golwg' }).waitFor();
  assert.equal(await liam.page.evaluate(() => document.documentElement.lang), 'cy');
  await liam.clean('the look, in Welsh');
  await liam.page.setViewportSize({ width: 320, height: 640 });
  for (const [at, words] of [['#/chats', 'Sgyrsiau'], ['#/pages', 'Blipiau'], ['#/pages/new', 'Blîp newydd'], ['#/patients', 'Cleifion'], ['#/work', 'Ar ddyletswydd'], ['#/more', 'Gosodiadau'], ['#/more/notices', 'Oriau tawel'], ['#/more/lock', 'Cloi']]) {
    await liam.go(at);
    await liam.page.getByText(words).locator('visible=true').first().waitFor();
    await liam.wide();
    await liam.clean(`${at}, in Welsh`);
  }
  await liam.go('#/chats');
  await liam.page.locator('.list-pane .row').first().click();
  await liam.page.locator('.stream').waitFor();
  await liam.wide();
  await liam.clean('a conversation, in Welsh');
  // The largest letters on the smallest screen: every tab is there, there is room to write, and no patient's name is cut.
  await liam.go('#/more/look');
  await liam.page.locator('input[name=size][value=huge]').click();
  for (const at of ['#/more', '#/work', '#/patients', '#/pages', '#/chats']) {
    await liam.go(at);
    await liam.page.locator('.tabs a[aria-current=page]').waitFor();
    await liam.wide();
    const last = await liam.page.locator('.tabs a').last().boundingBox();
    assert.ok(last.x + last.width <= 320, `the last tab ends at ${last.x + last.width} on ${at}`);
    await liam.clean(`${at}, in the largest letters`);
  }
  await liam.page.locator('.list-pane .row', { hasText: 'TAYLOR-BROWN' }).first().click();
  await liam.page.locator('#say').waitFor();
  const room = await liam.page.evaluate(() => ({ write: document.querySelector('#say').clientWidth, high: document.querySelector('#say').clientHeight, cut: document.querySelector('.main-pane h1').scrollWidth - document.querySelector('.main-pane h1').clientWidth }));
  assert.ok(room.write >= 100 && room.high < 120, `${room.write} × ${room.high} px to write in`);
  assert.ok(room.cut <= 0, "a patient's name is cut");
  await liam.wide();
  await liam.clean('a conversation in the largest letters');
  await liam.shot('everyday-largest-320-night');
  await liam.go('#/more/look');
  await liam.page.locator('input[name=size][value=usual]').click();
  await liam.page.setViewportSize(phone);
  await liam.go('#/chats');
  await liam.page.locator('.list-pane .row').first().waitFor();
  await liam.shot('everyday-welsh-phone-night');
  // The language is the device's: it is still there after somebody signed out.
  const tom = await Person.arrive(browser, server.url, 'tom', phone);
  await tom.page.goto(`${server.url}/`);
  await tom.page.evaluate(() => localStorage.setItem('wardline-language', 'cy'));
  await tom.signIn();
  await tom.go('#/more');
  await tom.page.locator('button.is-danger').last().click();
  const afresh = tom.page.waitForEvent('load'); // it shows the sign-in page before that as well, and what is asked of it then is never answered
  await tom.page.locator('.buttons button.is-danger').last().click();
  await afresh;
  await tom.page.locator('#user').waitFor();
  assert.equal(await tom.page.evaluate(() => document.documentElement.lang), 'cy');
  await tom.context.close();
  await liam.go('#/more/look');
  const again = liam.page.waitForEvent('load');
  await liam.page.locator('input[name=language][value=en]').click();
  await again;
  await liam.page.locator('h1', { hasText: 'Look' }).waitFor();
  assert.equal(await liam.page.evaluate(() => document.documentElement.lang), 'en');
});

test('2 what is for information only is a dot and no number', async () => {
  await asha.signIn();
  direct = (await call(asha, 'POST', '/_wardline/v1/directs', { user: '@liam:st-elsewhere' })).room_id;
  assert.ok(direct);
  await liam.go('#/chats');
  await sends(asha, 'm.room.message', { msgtype: 'm.notice', body: 'The lift is out', 'uk.wardline.kind': 'fyi', 'm.mentions': {} }, 'fyi1');
  const row = liam.page.locator('.list-pane .row', { hasText: 'The lift is out' });
  await row.locator('.count.is-dot').waitFor();
  assert.match(await row.locator('.count').innerText(), /^\s*(For information, not seen yet)?\s*$/);
  await liam.clean('a quiet dot');
  await liam.shot('everyday-dot-phone-night');
  await row.click();
  await liam.message('The lift is out').waitFor();
  await liam.go('#/chats');
  await liam.page.waitForFunction(() => [...document.querySelectorAll('.list-pane .row')].some((r) => r.textContent.includes('The lift is out') && !r.querySelector('.count')));
});

test('3 a poll is put right until somebody has voted, and then stays', async () => {
  await asha.go(`#/chats/${encodeURIComponent(direct)}`);
  await asha.message('The lift is out').waitFor();
  await asha.page.click('button[aria-label="Add a photo, file or page"]');
  await asha.page.getByRole('button', { name: 'Poll' }).click();
  await asha.page.fill('#poll-question', 'Round at?');
  await asha.page.fill('#poll-0', 'Nine');
  await asha.page.fill('#poll-1', 'Tn');
  await asha.page.getByRole('button', { name: 'Send poll' }).click();
  const poll = asha.page.locator('article.say', { has: asha.page.locator('fieldset.poll') }).last();
  await poll.locator('.answer', { hasText: 'Tn' }).waitFor();
  await asha.page.waitForFunction(() => [...document.querySelectorAll('article.say')].at(-1)?.dataset.event?.startsWith('$'));
  const change = async () => {
    await poll.locator('.act').focus();
    await asha.page.keyboard.press('Enter');
    await asha.page.getByRole('button', { name: 'Change the poll' }).click();
  };
  await change();
  await asha.page.fill('#poll-1', 'Ten');
  await asha.clean('changing a poll');
  await asha.page.getByRole('button', { name: 'Save the change' }).click();
  await poll.locator('.answer', { hasText: 'Ten' }).waitFor();
  assert.equal(await asha.page.locator('fieldset.poll').count(), 1);
  await liam.go(`#/chats/${encodeURIComponent(direct)}`);
  await liam.page.locator('fieldset.poll .answer', { hasText: 'Ten' }).click();
  await poll.locator('.answer', { hasText: 'Ten' }).locator('text=1').first().waitFor();
  await change();
  await asha.page.getByText('Somebody has voted, so this poll stays as it is.').waitFor();
});

test('4 a new version of the store keeps what waits to be sent and what is half written', async () => {
  await asha.go('#/chats');
  const other = asha.page.locator('.list-pane .row').nth(1);
  const draftRoom = await other.getAttribute('href');
  await other.click();
  await asha.page.fill('#say', 'Half a thought');
  await asha.go(`#/chats/${encodeURIComponent(direct)}`);
  await asha.message('The lift is out').waitFor();
  await asha.page.waitForFunction(() => new Promise((ok) => { const r = indexedDB.open('wardline'); r.onsuccess = () => { const g = r.result.transaction('draft').objectStore('draft').getAll(); g.onsuccess = () => { r.result.close(); ok(g.result.some((d) => d.text === 'Half a thought')); }; }; }));
  await asha.context.setOffline(true);
  await asha.say('Written without a network');
  await asha.message('Written without a network').waitFor();
  await asha.page.waitForFunction(() => new Promise((ok) => { const r = indexedDB.open('wardline'); r.onsuccess = () => { const g = r.result.transaction('out').objectStore('out').getAll(); g.onsuccess = () => { r.result.close(); ok(g.result.length === 1); }; }; }));
  await asha.page.goto('about:blank');
  await asha.context.setOffline(false);
  // The same rows in a store of the version before, made where no app runs.
  await asha.page.goto(`${server.url}/_matrix/client/versions`);
  await asha.page.evaluate(async () => {
    const done = (r) => new Promise((ok, no) => { r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
    const now = await done(indexedDB.open('wardline'));
    const rows = {};
    for (const s of ['meta', 'out', 'draft']) {
      const at = now.transaction(s).objectStore(s);
      const [keys, values] = await Promise.all([done(at.getAllKeys()), done(at.getAll())]);
      rows[s] = keys.map((k, i) => [k, values[i]]);
    }
    const { version } = now;
    now.close();
    await done(indexedDB.deleteDatabase('wardline'));
    const old = indexedDB.open('wardline', version - 1);
    old.onupgradeneeded = () => {
      old.result.createObjectStore('meta');
      old.result.createObjectStore('out', { keyPath: 'seq' });
      old.result.createObjectStore('draft', { keyPath: 'room' });
      old.result.createObjectStore('what later versions do not know', { keyPath: 'id' });
    };
    const db = await done(old);
    const tx = db.transaction(['meta', 'out', 'draft'], 'readwrite');
    for (const [k, v] of rows.meta) tx.objectStore('meta').put(v, k);
    for (const s of ['out', 'draft']) for (const [, v] of rows[s]) tx.objectStore(s).put(v);
    await new Promise((ok) => { tx.oncomplete = ok; });
    db.close();
  });
  await asha.page.goto(`${server.url}/`);
  await asha.page.locator('.list-pane .row').first().waitFor();
  await liam.message('Written without a network').waitFor();
  await asha.page.evaluate((h) => { location.hash = h; }, draftRoom);
  await asha.page.waitForFunction(() => document.querySelector('#say')?.value === 'Half a thought');
});

test('5 a notice that is pressed opens the conversation at its message, in the tab that is there', async () => {
  for (let i = 0; i < 40; i++) await sends(asha, 'm.room.message', { msgtype: 'm.text', body: `Line ${i} of a long evening` }, `line${i}`);
  const event = (await sends(asha, 'm.room.message', { msgtype: 'm.text', body: 'K is 6.1 now' }, 'target')).event_id;
  for (let i = 0; i < 40; i++) await sends(asha, 'm.room.message', { msgtype: 'm.text', body: `Later ${i}` }, `later${i}`);
  await liam.go('#/more');
  await liam.page.locator('h1', { hasText: 'More' }).waitFor();
  await liam.page.evaluate(() => navigator.serviceWorker.ready);
  const worker = liam.context.serviceWorkers().find((w) => w.url() === `${server.url}/sw.js`);
  assert.ok(worker, 'the worker is there');
  // A test can press no notice of the system, so the worker is given the event, and what only a press allows is noted.
  await worker.evaluate(() => {
    globalThis.did = [];
    Object.defineProperty(WindowClient.prototype, 'visibilityState', { get: () => 'hidden' });
    WindowClient.prototype.focus = async function () { globalThis.did.push('focus'); return this; };
    Clients.prototype.openWindow = async (u) => { globalThis.did.push(`open ${u}`); return null; };
    globalThis.give = async (e) => {
      let work = Promise.resolve();
      e.waitUntil = (p) => { work = p; };
      globalThis.dispatchEvent(e);
      await work;
    };
  });
  const press = (told) => worker.evaluate(async (data) => {
    globalThis.did = [];
    await globalThis.give(new PushEvent('push', { data: JSON.stringify(data) }));
    const [notice] = await globalThis.registration.getNotifications();
    const words = `${notice.title}: ${notice.body}`;
    await globalThis.give(new NotificationEvent('notificationclick', { notification: notice }));
    return { words, did: globalThis.did, left: (await globalThis.registration.getNotifications()).length };
  }, told);
  const here = await press({ room_id: direct, event_id: event, level: 2, unread: 1 });
  assert.deepEqual(here, { words: 'Wardline: A message for you', did: ['focus'], left: 0 });
  await liam.message('K is 6.1 now').waitFor();
  const inView = () => liam.page.waitForFunction((id) => { const r = document.querySelector(`[data-event="${id}"]`)?.getBoundingClientRect(); return r && r.top >= 0 && r.bottom <= innerHeight; }, event);
  await inView();
  assert.equal(liam.context.pages().length, 1);
  // With no tab there, one is opened at the message.
  const empty = await liam.context.newPage();
  await liam.page.close();
  liam.page = empty;
  const opened = await press({ room_id: direct, event_id: event, level: 1 });
  assert.equal(opened.did.length, 1);
  assert.ok(opened.did[0].startsWith('open /#/chats/'), opened.did[0]);
  await liam.page.goto(`${server.url}${opened.did[0].slice('open '.length)}`);
  await liam.message('K is 6.1 now').waitFor();
  await inView();
  asha.quiet();
  liam.quiet();
});
