// The test page in a real browser against the real binary: the holder's phone and ward computer, the operator's board, a page that comes
// meanwhile, when and whom.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { cast, desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;

const person = (name, size, theme = 'day') => Person.on(browser, server.url, name, size, { theme });

before(async () => {
  server = await startDemo(['-urgent-rung', '10m']);
  browser = await launch();
});

after(async () => {
  await lastLooks('testpage');
  await browser?.close();
  await server?.stop();
});

const post = (p, name) => p.page.locator('[data-test]', { hasText: name });
const bar = (p) => p.page.locator('[data-test-page]');

test('1 an operator tests every post; the holder has a bar that is plainly a test, and receives it', async () => {
  const jo = await person('jo', desk);
  const liam = await person('liam', phone);
  await jo.go('#/work/switchboard/test');
  await jo.page.locator('h2', { hasText: 'No test today yet' }).waitFor();
  await jo.page.locator('button', { hasText: 'Test all posts now' }).focus();
  await jo.page.keyboard.press('Enter');
  await jo.page.locator('button', { hasText: /^Test all posts$/ }).focus();
  await jo.page.keyboard.press('Enter');
  await liam.go('#/work');
  await bar(liam).locator('b', { hasText: 'Test page for Medical registrar on call' }).waitFor();
  await liam.page.locator('[data-test-page]', { hasText: 'Nobody needs you' }).waitFor();
  assert.equal(await liam.page.locator('.alarm-cover').count(), 0, 'a test looks like a page');
  await liam.clean('a test on a phone');
  await liam.narrow();
  await liam.both('testpage-phone');
  const over = await liam.page.evaluate(() => document.querySelector('.test-bar').getBoundingClientRect().bottom - document.querySelector('.fixed-app').getBoundingClientRect().top);
  assert.ok(over <= 1, `the bar lies over ${over} px of the app`);
  await liam.told(JSON.stringify({ level: 2, check: await bar(liam).getAttribute('data-test-page') }));
  await post(jo, 'Medical registrar on call').locator('.tag', { hasText: 'Waiting' }).waitFor();
  await post(jo, 'SHO 2').locator('.tag', { hasText: 'Nobody holds it' }).waitFor();
  await bar(jo).locator('button', { hasText: 'Received' }).focus(); // the operator holds a post as well
  await jo.page.keyboard.press('Enter');
  await bar(jo).waitFor({ state: 'detached' });
});

test('2 a page that comes meanwhile lies over the test, and is answered first', async () => {
  const { liam } = cast;
  const asha = await person('asha', desk);
  await asha.page.evaluate(async () => fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ txn: 'e2e-test', post: 'po_med_spr', urgency: 'urgent', where: 'Ward 7', what: 'NEWS2 9', need: 'attend', callback: '4417' }) }));
  const accept = liam.page.locator('.alarm-cover button', { hasText: 'Accept, I’m coming' });
  await accept.waitFor();
  assert.equal(await bar(liam).evaluate((b) => b.inert), true, 'the test can be reached under a page');
  await liam.shot('testpage-under-page');
  await accept.click();
  await liam.page.locator('.alarm-cover').waitFor({ state: 'detached' });
  await liam.go('#/chats');
  await bar(liam).locator('button', { hasText: 'Received' }).click();
  await liam.page.locator('.toast', { hasText: 'Received. Thank you, the test is over.' }).waitFor();
  await bar(liam).waitFor({ state: 'detached' });
});

test('3 the board follows by itself, red first, and a post is tested by telephone', async () => {
  const { jo } = cast;
  await post(jo, 'Medical registrar on call').locator('.tag', { hasText: 'Received' }).waitFor();
  assert.match(await jo.page.locator('[data-test]').first().innerText(), /SHO 2/);
  await post(jo, 'Medical registrar on call').locator('button.item').click();
  for (const way of ['Open app', 'Web Push']) await jo.page.locator('tr', { hasText: way }).locator('td', { hasText: 'on a device at' }).waitFor();
  await post(jo, 'SHO 2').locator('button.item').focus();
  await jo.page.keyboard.press('Enter');
  await post(jo, 'SHO 2').locator('button', { hasText: 'Show numbers' }).click();
  await post(jo, 'SHO 2').locator('li', { hasText: 'No number is kept here' }).waitFor();
  await post(jo, 'SHO 2').locator('input').fill('Covered by SHO 1, spoke to Grace');
  await post(jo, 'SHO 2').locator('button', { hasText: 'Tested by telephone' }).click();
  await post(jo, 'SHO 2').locator('span', { hasText: 'says Jo Bright: “Covered by SHO 1' }).first().waitFor();
  await jo.clean('the board');
  await jo.narrow();
  await jo.both('testpage-board-desk');
  await jo.page.locator('.chip', { hasText: 'Last 30 tests' }).click();
  await jo.page.locator('[data-strip="po_med_spr"]').locator('td', { hasText: '100 %' }).waitFor();
  await jo.clean('the last tests');
  await jo.narrow();
  await jo.both('testpage-past-desk');
});

test('4 when and whom; to others it is not there', async () => {
  const { jo, asha } = cast;
  await jo.page.locator('.chip', { hasText: 'When and whom' }).click();
  await jo.page.locator('label', { hasText: 'Test the way to every post each day' }).locator('input').check();
  await jo.page.locator('input[type=time]').fill('07:45');
  await jo.page.locator('label', { hasText: 'On-call pharmacist' }).locator('input').check();
  await jo.page.locator('label', { hasText: 'Why it changes' }).locator('input').fill('As with the bleeps');
  await jo.clean('when and whom');
  await jo.narrow();
  await jo.both('testpage-rules-desk');
  await jo.page.locator('button', { hasText: 'Put it in force' }).click();
  await jo.page.locator('.versions li', { hasText: 'on, 07:45, 5 min “As with the bleeps”' }).waitFor();
  await jo.page.locator('.chip', { hasText: 'Today' }).click();
  await jo.page.locator('p', { hasText: 'at 07:45; it is to be answered within 5 min' }).waitFor();
  assert.equal(await asha.page.evaluate(async () => (await fetch('/_wardline/v1/switchboard/test')).status), 404);
  assert.equal(await asha.page.evaluate(async () => (await fetch('/_wardline/v1/tests/tr_none/received', { method: 'POST', body: '{}', headers: { 'Content-Type': 'application/json' } })).status), 404);
});

test('5 nobody asked another origin, and nothing broke', async () => {
  for (const p of Object.values(cast)) p.quiet();
});
