// Pictures for the documentation, from the real program with the demo's day: phone and desk, day and night.

import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { desk, launch, Person, phone } from './people.mjs';
import { bin, startDemo } from './start.mjs';

const to = new URL('../../docs/screens/', import.meta.url).pathname;
mkdirSync(to, { recursive: true });
delete process.env.WARDLINE_BIN; // the program would take it for a setting
const server = await startDemo(['-urgent-rung', '60s']);
await server.end('SIGTERM');
execFileSync(bin, ['admin', 'grant', '-data', server.data, '-server-name', 'st-elsewhere', 'maya'], { stdio: ['ignore', 'ignore', 'inherit'] });
await server.start();
const browser = await launch();

async function shot(p, name) {
  await p.page.evaluate(() => document.fonts.ready);
  await p.page.waitForFunction(() => [...document.images].every((i) => i.complete));
  await p.page.screenshot({ path: `${to}${name}.png` });
}

// emergency is a call of the arrest team, from the hand that holds the button to the board.
async function emergency(asha, liam, jo, theme) {
  await asha.go('#/pages/emergency');
  await asha.page.locator('.team', { hasText: 'Adult cardiac arrest' }).click();
  await asha.page.fill('#place', 'Ward 7, Bed 4');
  await asha.page.fill('#words', 'No pulse, CPR going on');
  await shot(asha, `emergency-new-phone-${theme}`);
  const box = await asha.page.locator('.hold').boundingBox();
  await asha.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await asha.page.mouse.down();
  await asha.page.locator('.main-pane [data-call]').waitFor();
  await asha.page.mouse.up();
  const cover = liam.page.locator('.alarm-cover');
  await cover.locator('.team .item', { hasText: 'Anaesthetic registrar' }).waitFor();
  await shot(liam, `emergency-incoming-phone-${theme}`);
  await cover.locator('button', { hasText: 'In 2 min' }).click();
  await liam.page.locator('button', { hasText: 'I’m here' }).click();
  await jo.go('#/chats');
  await jo.page.locator('.list-pane .waiting').first().click();
  await jo.page.locator('.main-pane [data-seat=po_med_spr] .tag', { hasText: 'Here' }).waitFor();
  await shot(jo, `emergency-board-desk-${theme}`);
  await liam.page.locator('button', { hasText: 'Stand down…' }).click();
  await liam.page.locator('.chip', { hasText: 'Patient recovered' }).click();
  await liam.page.locator('.dock button', { hasText: /^Stand down$/ }).click();
  await asha.page.locator('.clock', { hasText: 'Stood down by Liam Hughes' }).waitFor();
}

// testPage is the board of a test of every post, while some have answered.
async function testPage(liam, asha, jo, theme) {
  await jo.go('#/work/switchboard/test');
  await jo.page.click('text=Test all posts now');
  await jo.page.locator('button', { hasText: /^Test all posts$/ }).click();
  for (const p of [liam, asha, jo]) await p.page.locator('[data-test-page] button').click();
  await jo.page.locator('[data-test="po_med_spr"][data-state="received"]').waitFor();
  await jo.page.waitForFunction(() => !document.querySelector('.toast'));
  await shot(jo, `test-board-desk-${theme}`);
}

// switchboard is the console while a page is open.
async function switchboard(asha, liam, jo, theme) {
  await asha.go('#/pages/new');
  await asha.page.fill('#post', 'medical registrar');
  await asha.page.locator('[role=option]').first().click();
  await asha.page.fill('#where', 'Ward 7, bay C');
  await asha.page.fill('#what', 'Chest pain, ECG done');
  await asha.page.fill('#callback', '4417');
  await asha.page.click('text=Send urgent page');
  await liam.page.waitForSelector('.alarm[data-sounding=true]');
  await jo.go('#/work/switchboard');
  await jo.page.locator('.item', { hasText: 'Medical registrar on call' }).first().waitFor();
  await shot(jo, `switchboard-desk-${theme}`);
  await liam.page.click('.alarm >> text=In 5 min');
  await asha.page.locator('.clock', { hasText: 'Accepted' }).waitFor();
}

// arranging is what whoever looks after the trust sees: who is called when, and how it went.
async function arranging(maya, theme) {
  await maya.page.locator('.toast').waitFor({ state: 'detached' });
  await maya.go('#/more/arrange/policies');
  await maya.page.getByLabel('Find a post').fill('medical reg');
  await maya.page.getByRole('button', { name: /Medical registrar on call, Urgent/ }).click();
  await maya.page.locator('.what-if li', { hasText: 'Grace Obi' }).waitFor();
  await maya.page.getByLabel('Time since it was sent').fill('61000');
  await shot(maya, `policy-desk-${theme}`);
  await maya.go('#/more/arrange/measures');
  await maya.page.getByRole('row', { name: /Medical registrar on call/ }).waitFor();
  await shot(maya, `measures-desk-${theme}`);
}

try {
  for (const theme of ['day', 'night']) {
    const asha = await Person.arrive(browser, server.url, 'asha', phone, { theme, scale: 1.5 });
    const tom = await Person.arrive(browser, server.url, 'tom', desk, { theme });
    const liam = await Person.arrive(browser, server.url, 'liam', phone, { theme, scale: 1.5 });
    await asha.signIn();
    await asha.page.waitForSelector('.row .count');
    await shot(asha, `chats-phone-${theme}`);
    await tom.signIn();
    await tom.open('SMITH, Ann');
    await tom.page.waitForSelector('.split-side .facts-grid');
    await tom.page.waitForSelector('.from span');
    await shot(tom, `conversation-desk-${theme}`);
    await asha.open('SMITH, Ann');
    await asha.page.waitForSelector('.patient b');
    await asha.page.waitForSelector('.from span');
    await shot(asha, `conversation-phone-${theme}`);
    await asha.page.click('button[aria-label="Speak a voice note"]');
    await asha.page.waitForFunction(() => /0:0[4-9]/.test(document.querySelector('.voice-bar .time')?.textContent ?? ''));
    await asha.page.click('button[aria-label="Stop and listen"]');
    await asha.page.waitForSelector('[data-stage=hear] [data-voice]');
    await shot(asha, `voice-phone-${theme}`);
    await asha.page.click('button[aria-label="Throw the voice note away"]');
    await asha.page.locator('.toast', { hasText: 'thrown away' }).waitFor();
    await asha.page.locator('.toast', { hasText: 'thrown away' }).waitFor({ state: 'detached' });
    await asha.page.locator('a[data-photo=photo]').first().click();
    await asha.page.waitForFunction(() => document.querySelector('.viewer img')?.naturalWidth > 0);
    await asha.page.click('button[aria-label="Draw on a copy"]');
    await asha.page.waitForFunction(() => document.querySelector('.marks svg[data-marks]')?.viewBox.baseVal.width > 10);
    await asha.page.click('.marks >> text=Arrow');
    const b = await asha.page.locator('.marks svg[data-marks] image').boundingBox();
    await asha.page.mouse.move(b.x + b.width * 0.2, b.y + b.height * 0.95);
    await asha.page.mouse.down();
    await asha.page.mouse.move(b.x + b.width * 0.34, b.y + b.height * 0.72, { steps: 4 });
    await asha.page.mouse.up();
    await asha.page.waitForSelector('.marks svg[data-marks="1"]');
    await shot(asha, `marks-phone-${theme}`);
    await asha.page.click('button[aria-label="Leave the photo as it was"]');
    await asha.page.click('.marks >> text=Leave it');
    await asha.page.waitForSelector('.marks', { state: 'detached' });
    await asha.page.keyboard.press('Escape');
    await asha.page.waitForSelector('.viewer', { state: 'detached' });
    await asha.go('#/pages/new');
    await asha.page.fill('#post', 'medical registrar');
    await asha.page.locator('[role=option]').first().click();
    await asha.page.fill('#about', 'jones');
    await asha.page.locator('[role=option]').first().click();
    await asha.page.fill('#what', 'Sepsis? NEWS2 9, BP 82/40');
    await asha.page.fill('#callback', '4417');
    await asha.page.waitForSelector('.what-if');
    await shot(asha, `page-new-phone-${theme}`);
    await liam.signIn();
    await liam.page.tap('h1');
    await asha.page.click('text=Send urgent page');
    await liam.page.waitForSelector('.alarm[data-sounding=true]');
    await liam.page.locator('.alarm', { hasText: 'NHS' }).waitFor();
    await shot(liam, `page-incoming-phone-${theme}`);
    await asha.page.waitForSelector('[data-step=seen]');
    await liam.page.click('.alarm >> text=In 5 min');
    await asha.page.locator('.clock', { hasText: 'Accepted' }).waitFor();
    await shot(asha, `page-timeline-phone-${theme}`);
    await tom.go('#/work');
    await tom.page.waitForSelector('.posts .item');
    await shot(tom, `posts-desk-${theme}`);
    await asha.go('#/work');
    await asha.page.waitForSelector('.posts .item');
    await shot(asha, `posts-phone-${theme}`);
    await asha.go('#/more/directory');
    await asha.page.fill('input[type=search]', 'hugehs'); // a slip of the finger finds him all the same
    await asha.page.waitForFunction(() => [...document.querySelectorAll('.item')].filter((i) => i.checkVisibility()).length === 1);
    await asha.page.locator('.item', { hasText: 'Liam Hughes' }).first().waitFor();
    await shot(asha, `directory-phone-${theme}`);
    await liam.go('#/work/mine');
    await liam.page.locator('h1', { hasText: 'My shifts' }).waitFor();
    await shot(liam, `shifts-phone-${theme}`);
    await tom.go('#/work/rota/po_med_spr');
    await tom.page.getByText('Liam Hughes').first().waitFor();
    await shot(tom, `rota-desk-${theme}`);
    await liam.go('#/more');
    await liam.page.locator('h1').waitFor();
    await shot(liam, `settings-phone-${theme}`);
    const jo = await Person.arrive(browser, server.url, 'jo', desk, { theme });
    const maya = await Person.arrive(browser, server.url, 'maya', desk, { theme });
    await jo.signIn();
    await testPage(liam, asha, jo, theme);
    await maya.signIn();
    await emergency(asha, liam, jo, theme);
    await switchboard(asha, liam, jo, theme);
    await arranging(maya, theme);
    for (const p of [asha, tom, liam, jo, maya]) await p.context.close();
  }
} finally {
  await browser.close();
  await server.stop();
}
