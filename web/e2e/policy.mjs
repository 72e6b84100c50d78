// Who is called when: a policy is edited and played on a clock; a page is talked about, handed on and accepted; a protected state passes it over.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

const bin = process.env.WARDLINE_BIN ?? new URL('../../bin/wardline', import.meta.url).pathname;
delete process.env.WARDLINE_BIN; // the program would take it for a setting
let server;
let browser;
let maya;
let asha;
let liam;
let grace;

async function both(p, name) {
  for (const theme of ['day', 'night']) {
    await p.page.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
    await p.shot(`${name}-${theme}`);
  }
  await p.page.evaluate(() => { document.documentElement.dataset.theme = 'day'; });
}

before(async () => {
  server = await startDemo();
  await server.end('SIGTERM');
  execFileSync(bin, ['admin', 'grant', '-data', server.data, '-server-name', 'st-elsewhere', 'maya'], { stdio: ['ignore', 'ignore', 'inherit'] });
  await server.start();
  browser = await launch();
  maya = await Person.arrive(browser, server.url, 'maya', desk);
  asha = await Person.arrive(browser, server.url, 'asha', desk);
  liam = await Person.arrive(browser, server.url, 'liam', phone);
  grace = await Person.arrive(browser, server.url, 'grace', phone);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test('1 a policy: written, played on a clock, refused while it cannot work, put in force', async () => {
  await maya.signIn();
  const { page } = maya;
  await maya.go('#/more/arrange/policies');
  await page.getByLabel('Find a post').fill('medical reg');
  await page.getByRole('button', { name: /Medical registrar on call, Urgent/ }).click();
  await page.getByText('This post’s own ladder counts').waitFor();
  await page.locator('.what-if li', { hasText: 'Grace Obi' }).waitFor();
  const add = page.getByRole('button', { name: 'Add a step' });
  await add.focus();
  await page.keyboard.press('Enter');
  await add.click();
  await page.getByText('Step 2').waitFor();
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await page.getByText('Step 2 calls between one and 8 posts.').first().waitFor();
  const second = page.locator('.steps-list li.card').nth(1).locator('select').first();
  await second.selectOption({ label: 'Surgical registrar on call · Surgery' });
  await second.selectOption({ label: 'Anaesthetic registrar · Critical care' });
  await page.locator('.called .chip', { hasText: 'Anaesthetic registrar' }).waitFor();
  await page.getByLabel('Each step lasts').selectOption('60');
  await page.getByLabel('How many must accept').selectOption('2');
  await page.getByLabel('Why it changes').fill('Two for a sick patient');
  await page.locator('.what-if li', { hasText: 'Surgical registrar on call, Anaesthetic registrar' }).waitFor();
  await page.getByText('2 people must accept it.').waitFor();
  await page.getByLabel('Time since it was sent').fill('61000');
  await page.locator('.what-if li.now', { hasText: 'Surgical registrar' }).waitFor();
  await maya.wide();
  await maya.clean('the policy editor');
  await both(maya, 'policy-desk');
  await page.setViewportSize(phone);
  await maya.wide();
  await both(maya, 'policy-phone');
  await page.setViewportSize({ width: 320, height: 640 });
  await maya.wide();
  await page.setViewportSize(desk);
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await page.getByText('In force from the next page on').waitFor();
  await page.getByRole('button', { name: /Medical registrar on call, Urgent: 2 steps/ }).click();
  await page.getByText('“Two for a sick patient”').waitFor();
  await page.getByRole('button', { name: 'Remove step 2' }).click();
  await page.getByLabel('How many must accept').selectOption('1');
  await page.getByLabel('Each step lasts').selectOption('300');
  await page.getByRole('button', { name: 'Put it in force' }).click();
  await page.getByRole('button', { name: /Medical registrar on call, Urgent: 1 step,/ }).waitFor();
  maya.quiet();
});

test('2 the holder asks back, the sender answers; it is handed on and accepted there', async () => {
  await asha.signIn();
  await liam.signIn();
  await grace.signIn();
  await asha.go('#/pages/new');
  await asha.page.fill('#post', 'medical reg');
  await asha.page.getByRole('option', { name: /Medical registrar on call/ }).first().click();
  await asha.page.locator('.what-if').waitFor();
  await asha.page.fill('#where', 'Ward 7, bed 12');
  await asha.page.fill('#what', 'K 6.9');
  await both(asha, 'page-new-desk');
  await asha.page.getByRole('button', { name: 'Send urgent page' }).click();
  await liam.page.locator('.alarm').waitFor();
  await liam.page.getByRole('button', { name: 'Ask back' }).click();
  await liam.page.fill('#give-ask', 'ECG changes?');
  await liam.clean('asking back');
  await both(liam, 'page-ask-phone');
  await liam.page.getByRole('button', { name: 'Ask', exact: true }).click();
  await liam.page.locator('.said', { hasText: 'ECG changes?' }).waitFor();
  await asha.page.locator('label[for=reply]', { hasText: 'ECG changes?' }).waitFor();
  await asha.page.fill('#reply', 'Tall T waves');
  await asha.clean('a question to the sender');
  await both(asha, 'page-asked-desk');
  await asha.page.keyboard.press('Enter');
  await liam.page.locator('.said', { hasText: 'Tall T waves' }).waitFor();
  await liam.page.getByRole('button', { name: 'Hand to somebody' }).click();
  await liam.page.fill('#give-to', 'grace');
  await liam.page.getByRole('option', { name: /Grace Obi/ }).first().click();
  await liam.page.fill('#give-why', 'I am in resus');
  await liam.clean('handing on');
  await both(liam, 'page-give-phone');
  await liam.page.getByRole('button', { name: 'Hand it over' }).click();
  await liam.page.locator('.alarm').waitFor({ state: 'detached' });
  await grace.page.locator('.alarm', { hasText: 'Tall T waves' }).waitFor();
  await grace.page.getByRole('button', { name: 'Accept, in 5 min' }).click();
  await asha.page.locator('[data-status=accepted]', { hasText: 'Grace Obi' }).waitFor();
  await asha.page.locator('.timeline', { hasText: 'handed it to Grace Obi' }).waitFor();
  await asha.shot('page-handed-desk');
  for (const p of [asha, liam, grace]) p.quiet();
});

test('3 who is in a sterile procedure is passed over, and the sender is told why', async () => {
  await liam.go('#/more/profile');
  await liam.page.getByText('In a sterile procedure').click();
  await liam.page.getByText('pages go to the next in line').waitFor();
  await liam.clean('a protected state');
  await liam.shot('status-protected-phone');
  await liam.page.getByRole('button', { name: 'Set my status' }).click();
  await liam.page.locator('[data-status]', { hasText: 'In a sterile procedure' }).waitFor();
  await asha.go('#/pages/new');
  await asha.page.fill('#post', 'liam');
  await asha.page.getByRole('option', { name: /Liam Hughes/ }).first().click();
  await asha.page.locator('.vacant', { hasText: 'Liam Hughes is in a sterile procedure' }).waitFor();
  await asha.shot('page-new-busy-desk');
  await asha.page.fill('#where', 'Ward 7');
  await asha.page.fill('#what', 'Please see bed 3');
  await asha.page.getByRole('button', { name: 'Send urgent page' }).click();
  await asha.page.locator('.timeline', { hasText: 'is in a sterile procedure' }).waitFor();
  assert.equal(await liam.page.locator('.alarm').count(), 0);
  asha.quiet();
});

test('4 how the pages went, for who looks after it; how often one is interrupted, for oneself alone', async () => {
  await maya.go('#/more/arrange/measures');
  await maya.page.locator('.figures dd').first().waitFor();
  await maya.page.getByRole('row', { name: /Medical registrar on call/ }).waitFor();
  await maya.page.getByRole('button', { name: 'By ward' }).click();
  await maya.page.getByRole('row', { name: /Ward 7/ }).waitFor();
  await maya.wide();
  await maya.clean('measures');
  await both(maya, 'measures-desk');
  const [table] = await Promise.all([maya.page.waitForEvent('download'), maya.page.getByText('As a table (CSV)').click()]);
  assert.equal(table.suggestedFilename(), 'pages.csv');
  await maya.page.setViewportSize({ width: 320, height: 640 });
  await maya.wide();
  await maya.page.setViewportSize(phone);
  await both(maya, 'measures-phone');
  await liam.go('#/more/interruptions');
  await liam.page.locator('#mine').waitFor();
  await liam.page.getByText('Your teams').waitFor();
  await liam.wide();
  await liam.clean('interruptions');
  await both(liam, 'interruptions-phone');
  for (const p of [maya, liam]) p.quiet();
});
