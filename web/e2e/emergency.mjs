// An emergency call in real browsers against the real binary: one act, a whole team, its board, a drill and its end. No sleeps.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { cast, desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;

const person = (name, size, theme = 'day') => Person.on(browser, server.url, name, size, { theme });

before(async () => {
  server = await startDemo(['-urgent-rung', '10m']); // the ladders of this flow climb by no clock
  browser = await launch();
});

after(async () => {
  await lastLooks('emergency');
  await browser?.close();
  await server?.stop();
});

const seat = (p, post) => p.page.locator(`.main-pane [data-seat=${post}]`);

test('1 a team is called by holding the button; nothing is called by a slip, or without a place', async () => {
  const asha = await person('asha', phone);
  await person('liam', phone, 'night');
  await person('grace', phone);
  await person('jo', desk);
  await asha.go('#/pages');
  await asha.page.locator('a', { hasText: 'Emergency call' }).first().click();
  await asha.page.locator('.team', { hasText: 'Adult cardiac arrest' }).waitFor();
  const button = asha.page.locator('.hold');
  await button.click();
  await asha.page.locator('[role=alert]', { hasText: 'Say which team and where' }).waitFor();
  await asha.page.locator('.team', { hasText: 'Adult cardiac arrest' }).click();
  await asha.page.fill('#place', 'Ward 7, Bed 4');
  await asha.page.fill('#words', 'No pulse, CPR going on');
  await asha.clean('the emergency call');
  await asha.narrow();
  await asha.both('emergency-new-phone');
  await button.click(); // a short press asks once more, and calls nobody
  await asha.page.locator('[role=alert]', { hasText: 'Press again to call' }).waitFor();
  await asha.page.fill('#place', 'Ward 7, Bed 4B');
  const box = await button.boundingBox();
  await asha.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
  await asha.page.mouse.down();
  await asha.page.locator('.main-pane [data-call]').waitFor();
  await asha.page.mouse.up();
  await asha.page.locator('.clock.is-emergency', { hasText: 'Ward 7, Bed 4B' }).waitFor();
});

test('2 it fills the registrar’s screen, and says who else is called', async () => {
  const { liam, asha } = cast;
  const cover = liam.page.locator('.alarm-cover');
  await cover.locator('h1', { hasText: 'Emergency call' }).waitFor();
  await cover.locator('.team .item', { hasText: 'Anaesthetic registrar' }).waitFor();
  await liam.clean('an incoming emergency call');
  await liam.narrow();
  await liam.both('emergency-incoming-phone');
  await liam.page.keyboard.press('Tab');
  await cover.locator('button', { hasText: 'In 2 min' }).click();
  await liam.page.locator('.main-pane [data-call]').waitFor();
  await seat(liam, 'po_med_spr').locator('.tag', { hasText: 'Coming' }).waitFor();
  await liam.page.locator('#led', { hasText: 'You lead' }).waitFor();
  await seat(asha, 'po_med_spr').locator('.tag', { hasText: 'Coming' }).waitFor();
  await asha.page.locator('#led', { hasText: 'Liam Hughes leads' }).waitFor();
  await asha.clean('the board');
  await asha.narrow();
  await asha.both('emergency-board-phone');
});

test('3 the roll-call: oneself, and whoever leads for others; a missing post is said', async () => {
  const { liam, grace, jo } = cast;
  await grace.page.locator('.alarm-cover button', { hasText: /^Can’t/ }).click();
  await grace.page.locator('.alarm-cover button', { hasText: 'In theatre' }).click();
  await liam.page.locator('.notice.error', { hasText: 'Missing: SHO 1' }).waitFor();
  await liam.page.locator('button', { hasText: 'I’m here' }).click();
  await seat(liam, 'po_med_spr').locator('.tag', { hasText: 'Here' }).waitFor();
  await seat(liam, 'po_anaes').locator('button', { hasText: 'Here' }).click();
  await seat(liam, 'po_anaes').locator('.tag', { hasText: 'Here' }).waitFor();
  await liam.page.locator('button', { hasText: 'Somebody else is here' }).click();
  await liam.page.fill('#also-here', 'daniel');
  await liam.page.locator('[role=option]', { hasText: 'Daniel Okoro' }).click();
  await liam.page.locator('.item', { hasText: 'Daniel Okoro' }).waitFor();
  await jo.page.locator('.list-pane .waiting', { hasText: 'missing: SHO 1' }).click();
  await seat(jo, 'po_med_spr').locator('.tag', { hasText: 'Here' }).waitFor();
  await jo.clean('the board on a desk');
  await jo.both('emergency-board-desk');
});

test('4 it ends with a reason, and can be read afterwards', async () => {
  const { liam, asha, grace } = cast;
  await liam.page.locator('button', { hasText: 'Stand down…' }).click();
  assert.ok(await liam.page.locator('.dock button', { hasText: /^Stand down$/ }).isDisabled());
  await liam.page.locator('.chip', { hasText: 'Patient recovered' }).click();
  await liam.clean('standing down');
  await liam.page.locator('.dock button', { hasText: /^Stand down$/ }).click();
  await asha.page.locator('.clock', { hasText: 'Stood down by Liam Hughes' }).waitFor();
  await asha.page.locator('.times tr', { hasText: 'Medical registrar on call' }).waitFor();
  await asha.page.locator('[data-step=stood_down]').waitFor();
  await asha.clean('a call that has ended');
  await asha.narrow();
  await asha.both('emergency-ended-phone');
  const file = await asha.page.evaluate(async () => (await fetch(document.querySelector('a[href$="seats.csv"]').href)).text());
  assert.match(file, /Medical registrar on call,yes,Liam Hughes,1,/);
  await grace.page.locator('.alarm-cover').waitFor({ state: 'detached' });
  await asha.go('#/pages/calls');
  await asha.page.locator('.main-pane .item', { hasText: 'Adult cardiac arrest' }).waitFor();
  await asha.clean('calls so far');
  await asha.go('#/chats');
  await asha.open('Adult cardiac arrest, Ward 7');
  await asha.page.locator('.event', { hasText: 'Stood down by' }).waitFor();
  await asha.clean('the conversation of a call');
  await asha.shot('emergency-conversation-phone');
});

test('5 a drill, by the keyboard alone, says so everywhere; without a network one rings 2222', async () => {
  const { jo, liam } = cast;
  await jo.go('#/pages/emergency');
  await jo.page.locator('.team', { hasText: 'Adult cardiac arrest' }).waitFor();
  await jo.page.locator('.team input').first().focus();
  await jo.page.keyboard.press('Space');
  await jo.page.fill('#place', 'Ward 3 day room');
  await jo.page.locator('.drill input').focus();
  await jo.page.keyboard.press('Space');
  await jo.clean('the emergency call on a desk');
  await jo.both('emergency-new-desk');
  await jo.page.locator('.hold').focus();
  await jo.page.keyboard.press('Enter');
  await jo.page.locator('[role=alert]', { hasText: 'Press again' }).waitFor();
  await jo.page.keyboard.press('Enter');
  await jo.page.locator('.drill-band').waitFor();
  await liam.page.locator('.alarm-cover h1', { hasText: 'DRILL' }).waitFor();
  await liam.page.locator('.alarm-cover', { hasText: 'DRILL: Adult cardiac arrest' }).waitFor();
  await jo.page.locator('button', { hasText: 'Stand down…' }).click();
  await jo.page.locator('.chip', { hasText: 'Drill over' }).click();
  await jo.page.locator('.dock button', { hasText: /^Stand down$/ }).click();
  await liam.page.locator('.alarm-cover').waitFor({ state: 'detached' });
  await jo.go('#/pages/emergency');
  await jo.page.locator('.team').first().click();
  await jo.page.fill('#place', 'Ward 3');
  await jo.context.setOffline(true);
  await jo.page.locator('.dock [role=alert]', { hasText: 'Ring 2222' }).first().waitFor();
  await jo.clean('no connection');
  await jo.context.setOffline(false);
});

test('6 who looks after the directory says what the teams are', async () => {
  const maya = await person('maya', desk);
  await maya.page.locator('.alarm-cover').waitFor({ state: 'detached' });
  await maya.go('#/more/arrange/calls');
  await maya.page.locator('button', { hasText: 'New emergency team' }).click();
  await maya.page.locator('input[placeholder="Adult cardiac arrest"]').fill('Trauma');
  for (const post of ['ED consultant', 'Surgical registrar']) {
    await maya.page.fill('#seat', post);
    await maya.page.locator('[role=option]', { hasText: post }).first().click();
  }
  await maya.page.locator('button[aria-label="Surgical registrar on call further up"]').click();
  await maya.clean('an emergency team');
  await maya.both('emergency-team-desk');
  await maya.page.locator('button', { hasText: 'Save' }).click();
  await maya.page.locator('.item', { hasText: 'Surgical registrar on call, ED consultant' }).waitFor();
});

test('7 nobody asked another origin, and nothing broke', async () => {
  for (const p of Object.values(cast)) p.quiet();
});
