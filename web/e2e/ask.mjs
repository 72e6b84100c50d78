// Messages with a promise: asked, owed, answered by a reply, done by a tick, closed; and what cannot wait becomes a page.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

const ward = 'Ward 7 doctors and nurses';
let server;
let browser;
let asha;
let tom;

before(async () => {
  server = await startDemo();
  browser = await launch();
  asha = await Person.arrive(browser, server.url, 'asha', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk, { theme: 'night' });
});

after(async () => {
  await lastLooks('ask');
  await browser?.close();
  await server?.stop();
});

const card = (p, words) => p.page.locator('.ask', { hasText: words }).last();

async function sheet(p, kind) {
  await p.page.click('button[aria-label^="Add a photo"]');
  await p.page.locator('dialog[open] .item', { hasText: 'Question, request' }).click();
  await p.page.locator('dialog[open] .chip', { hasText: kind }).click();
  await p.page.locator('dialog[open] .promise').waitFor();
}

test('1 a question names who owes it, reminds, and a reply answers it', async () => {
  await asha.signIn();
  await tom.signIn();
  await asha.open(ward);
  await asha.page.fill('#say', 'Is bed 4 for home today?');
  await sheet(asha, 'Question');
  assert.equal(await asha.page.inputValue('#ask-text'), 'Is bed 4 for home today?', 'what was written came along');
  await asha.page.fill('#ask-owner', 'tom');
  await asha.page.locator('[role=option]', { hasText: 'Tom Reid' }).first().click();
  await asha.clean('ask');
  await asha.wide();
  await asha.shot('ask-sheet-phone-day');
  await asha.page.locator('dialog[open] button[type=submit]').click();
  await card(asha, 'Is bed 4 for home').waitFor();
  assert.equal(await asha.page.inputValue('#say'), '');
  await tom.page.locator('.owed', { hasText: 'You owe 1 answer' }).waitFor();
  await tom.shot('owed-desk-night');
  await tom.page.click('.owed');
  await tom.page.locator('.row', { hasText: 'Is bed 4 for home' }).first().waitFor();
  await tom.clean('what is owed');
  await tom.page.locator('.main-pane .row', { hasText: 'Is bed 4 for home' }).first().click();
  await tom.page.locator('article.is-found').waitFor();
  await tom.clean('question, owed');
  await tom.shot('ask-card-desk-night');
  await card(tom, 'Is bed 4 for home').locator('button', { hasText: 'Answer' }).click();
  await tom.page.locator('.replying').waitFor();
  await tom.page.fill('#say', 'Yes, after the echo');
  await tom.page.keyboard.press('Enter');
  await card(asha, 'Is bed 4 for home').and(asha.page.locator('[data-ask=answered]')).locator('.state', { hasText: 'Answered by Tom Reid' }).waitFor();
  await tom.page.waitForSelector('.owed', { state: 'detached' });
  await asha.clean('question, answered');
  await asha.wide();
});

test('2 a request is taken and done by its owner, or closed by its asker', async () => {
  await tom.page.focus('#say');
  await sheet(tom, 'Request');
  await tom.page.fill('#ask-text', 'Please chase the CT');
  await tom.page.fill('#ask-owner', 'asha');
  await tom.page.locator('[role=option]', { hasText: 'Asha Patel' }).first().click();
  await tom.page.locator('dialog[open] button[type=submit]').click();
  const mine = card(asha, 'Please chase the CT');
  await mine.locator('button', { hasText: 'On it' }).click();
  await card(tom, 'Please chase the CT').locator('.state', { hasText: 'Asha Patel is on it' }).waitFor();
  await asha.shot('ask-request-phone-day');
  await mine.locator('button', { hasText: 'Done' }).click();
  await card(tom, 'Please chase the CT').and(tom.page.locator('[data-ask=done]')).waitFor();
  await sheet(tom, 'Question');
  await tom.page.fill('#ask-text', 'Which bay for the new admission?');
  await tom.page.fill('#ask-owner', 'asha');
  await tom.page.locator('[role=option]', { hasText: 'Asha Patel' }).first().click();
  await tom.page.locator('dialog[open] button[type=submit]').click();
  await card(asha, 'Which bay').locator('button', { hasText: 'Pass on' }).click();
  await card(asha, 'Which bay').locator('input').fill('medical reg');
  await asha.clean('passing on');
  await asha.page.locator('[role=option]', { hasText: 'Medical registrar' }).first().click();
  await card(tom, 'Which bay').locator('.head', { hasText: 'Medical registrar on call (Liam Hughes)' }).waitFor();
  await sheet(tom, 'Request');
  await tom.page.fill('#ask-text', 'Somebody restock bay C');
  await tom.page.locator('dialog[open] button[type=submit]').click();
  await card(asha, 'Somebody restock').locator('.head', { hasText: 'Anybody here' }).waitFor();
  await card(tom, 'Somebody restock').locator('button', { hasText: 'Not needed' }).click();
  await card(asha, 'Somebody restock').and(asha.page.locator('[data-ask=closed]')).waitFor();
});

test('3 for information interrupts nobody; urgent goes to a page with its words, which no address holds', async () => {
  await sheet(tom, 'FYI');
  await tom.page.fill('#ask-text', 'New flushes are in drawer three');
  await tom.page.locator('dialog[open] button[type=submit]').click();
  const fyi = asha.page.locator('article.say', { hasText: 'New flushes' }).last();
  await fyi.locator('.tag', { hasText: 'FYI' }).waitFor();
  await sheet(asha, 'Urgent');
  await asha.page.fill('#ask-text', 'NEWS2 9, BP 82/40');
  await asha.clean('urgent');
  await asha.page.locator('dialog[open] button[type=submit]').click();
  await asha.page.waitForSelector('#what');
  assert.equal(await asha.page.inputValue('#what'), 'NEWS2 9, BP 82/40');
  assert.ok(!(await asha.page.evaluate(() => decodeURIComponent(location.href))).includes('NEWS2'));
  await asha.page.setViewportSize({ width: 320, height: 640 });
  await asha.go('#/asks');
  await asha.page.locator('h1', { hasText: 'Questions and requests' }).waitFor();
  await asha.wide();
  for (const p of [asha, tom]) p.quiet();
});
