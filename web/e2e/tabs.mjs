// Two tabs of one browser, as on every computer of a ward: one of them talks with the server, both show the same, and either can go.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

const ward = 'Ward 7 doctors and nurses';
let server;
let browser;
let asha; // with a browser of her own
let liam; // the tab that was there first
let second; // another tab of his

before(async () => {
  server = await startDemo(['-urgent-rung', '600s']);
  browser = await launch();
  asha = await Person.arrive(browser, server.url, 'asha', phone);
  liam = await Person.arrive(browser, server.url, 'liam', desk);
});

after(async () => {
  await lastLooks('tabs');
  await browser?.close();
  await server?.stop();
});

const times = (p, words) => p.page.locator('article.say .bubble p', { hasText: words }).count();
const sent = (p, words) => p.page.locator('article.say[data-state=sent], article.say[data-state=seen]').filter({ hasText: words }).last().waitFor();

test('1 what is said comes to both, and what is sent in either goes once', async () => {
  await asha.signIn();
  await liam.signIn();
  await asha.open(ward);
  await liam.open(ward);
  second = await liam.beside();
  await second.page.locator('.list-pane .row').first().waitFor();
  await second.open(ward);
  await asha.say('To both tabs');
  for (const p of [liam, second]) await p.message('To both tabs').waitFor();
  for (const [p, words] of [[second, 'From the second'], [liam, 'From the first'], [second, 'And again']]) {
    await p.say(words);
    await sent(p, words);
  }
  await asha.message('And again').waitFor();
  for (const p of [asha, liam, second]) for (const words of ['From the second', 'From the first', 'And again']) {
    await p.message(words).waitFor();
    assert.equal(await times(p, words), 1, `${p.name}: ${words}`);
  }
});

test('2 half a message is in both, and a tab that only looked takes nothing away', async () => {
  await second.page.fill('#say', 'Half a thought');
  await second.open('SMITH, Ann');
  await liam.open('SMITH, Ann');
  await liam.page.locator('.list-pane .row', { hasText: ward }).locator('.draft').waitFor();
  await liam.open(ward);
  await liam.page.waitForFunction(() => document.querySelector('#say').value === 'Half a thought');
  await liam.page.fill('#say', '');
  await liam.open('SMITH, Ann');
  await second.page.locator('.list-pane .row', { hasText: ward }).locator('.draft').waitFor({ state: 'detached' });
  await liam.open(ward);
  await second.open(ward);
});

test('3 what the server refused is tried again from the other tab', async () => {
  const refuse = (r) => r.fulfill({ status: 400, contentType: 'application/json', body: '{"errcode":"M_BAD_JSON","error":"Not now"}' });
  await liam.context.route('**/send/m.room.message/**', refuse);
  await second.say('Refused at first');
  await second.page.locator('.failed', { hasText: 'Not now' }).waitFor();
  await second.say('Given up');
  await second.message('Given up').locator('.failed').waitFor();
  await liam.message('Given up').locator('.failed').waitFor();
  await liam.context.unroute('**/send/m.room.message/**', refuse);
  await second.message('Refused at first').locator('button', { hasText: 'Retry' }).click();
  await asha.message('Refused at first').waitFor();
  await sent(second, 'Refused at first');
  await second.message('Given up').locator('button', { hasText: 'Delete' }).click();
  for (const p of [second, liam]) await p.page.locator('article.say', { hasText: 'Given up' }).waitFor({ state: 'detached' });
  for (const p of [second, liam]) assert.equal(await times(p, 'Refused at first'), 1, p.name);
});

test('4 a page rings in both, and is quiet in both when one has answered', async () => {
  await asha.page.evaluate(async () => {
    const r = await fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ txn: 'tabs', post: 'po_med_spr', urgency: 'urgent', patient: null, room: null, where: 'Ward 7', what: 'Please attend', need: 'attend', callback: '4417' }) });
    if (!r.ok) throw new Error(await r.text());
  });
  for (const p of [liam, second]) await p.page.locator('.alarm').waitFor();
  await second.page.click('.alarm >> text=In 5 min');
  for (const p of [liam, second]) await p.page.locator('.alarm').waitFor({ state: 'detached' });
});

test('5 the first tab goes, and the second goes on; one more opens without a network', async () => {
  await second.go('#/chats');
  await second.open(ward);
  await liam.page.close();
  await asha.say('The first is gone');
  await second.message('The first is gone').waitFor();
  await second.say('The second speaks');
  await asha.message('The second speaks').waitFor();
  await second.page.evaluate(() => navigator.serviceWorker.ready);
  await second.context.setOffline(true);
  await second.page.locator('.offline').first().waitFor();
  const third = await second.beside();
  await third.page.locator('.list-pane .row').first().waitFor();
  await third.page.locator('.offline').first().waitFor();
  await third.open(ward);
  await third.say('Written without a network');
  await third.message('Written without a network').waitFor();
  await second.message('Written without a network').waitFor();
  await second.page.close();
  await third.context.setOffline(false);
  await asha.message('Written without a network').waitFor();
  await sent(third, 'Written without a network');
  assert.equal(await times(asha, 'Written without a network'), 1);
  assert.equal(await times(third, 'Written without a network'), 1);
  liam = third;
});

test('6 whoever signs out in one has signed out in all, and nothing stays', async () => {
  second = await liam.beside();
  await second.open(ward);
  await second.go('#/more');
  await second.page.click('text=Sign out and erase this device');
  const afresh = Promise.all([liam, second].map((p) => p.page.waitForEvent('load'))); // each page starts anew when the device is empty
  await second.page.locator('button', { hasText: /^Sign out and erase$/ }).click();
  await afresh;
  for (const p of [liam, second]) {
    await p.page.locator('#user').waitFor();
    assert.equal(await p.page.locator('.list-pane .row').count(), 0);
  }
  const left = await liam.page.evaluate(async () => {
    const found = [];
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise((ok, no) => { const r = indexedDB.open(name); r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
      for (const store of db.objectStoreNames) {
        const n = await new Promise((ok, no) => { const r = db.transaction(store).objectStore(store).count(); r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
        if (n > 0) found.push(`${name} ${store} ${n}`);
      }
      db.close();
    }
    return found;
  });
  assert.deepEqual(left, []);
  for (const p of [asha, liam, second]) p.quiet();
});
