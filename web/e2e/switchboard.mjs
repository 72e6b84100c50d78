// The switchboard's console in a real browser against the real binary: what is open, who is on, a caller's page, a call by telephone, the log.

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
  await lastLooks('switchboard');
  await browser?.close();
  await server?.stop();
});

test('1 the console shows who is on, with the empty posts first; to others it is not there', async () => {
  const jo = await person('jo', desk);
  const asha = await person('asha', phone);
  await jo.go('#/work');
  await jo.page.locator('nav.parts a', { hasText: 'Switchboard' }).click();
  await jo.page.locator('h1', { hasText: 'Switchboard' }).waitFor();
  await jo.page.locator('.item', { hasText: 'SHO 2' }).first().waitFor(); // a gap of the next day
  await jo.clean('the console');
  await jo.narrow();
  await jo.both('switchboard-open-desk');
  await jo.page.locator('.chip', { hasText: 'Who is on' }).click();
  await jo.page.locator('tbody tr', { hasText: 'SHO 2' }).locator('.tag', { hasText: 'Nobody' }).waitFor();
  await jo.clean('who is on');
  await jo.narrow();
  await jo.both('switchboard-on-desk');
  await asha.go('#/work');
  await asha.page.locator('nav.parts a', { hasText: 'My shifts' }).waitFor();
  assert.equal(await asha.page.locator('nav.parts a', { hasText: 'Switchboard' }).count(), 0);
  assert.equal(await asha.page.evaluate(async () => (await fetch('/_wardline/v1/switchboard')).status), 404);
});

test('2 a page for a caller, and its end by telephone', async () => {
  const { jo } = cast;
  await jo.page.locator('.chip', { hasText: 'Page for a caller' }).click();
  await jo.page.locator('label', { hasText: 'Who is calling' }).locator('input').fill('Sister Kelly, theatres');
  await jo.page.locator('label', { hasText: 'Ring back on' }).locator('input').fill('5501');
  await jo.page.locator('label', { hasText: 'To the post' }).locator('select').selectOption('po_anaes');
  await jo.page.locator('label', { hasText: 'Where' }).locator('input').fill('Theatre 3');
  await jo.page.locator('label', { hasText: 'What' }).locator('input').fill('Airway help wanted');
  await jo.clean('a page for a caller');
  await jo.both('switchboard-for-desk');
  await jo.page.locator('button', { hasText: 'Send the page' }).click();
  const row = jo.page.locator('[data-page]', { hasText: 'for Sister Kelly, theatres' });
  await row.locator('button.item').focus();
  await jo.page.keyboard.press('Enter');
  await row.locator('p', { hasText: 'This is the switchboard' }).waitFor();
  await jo.clean('a page on the console');
  await jo.narrow();
  await jo.both('switchboard-page-desk');
  await row.locator('button[aria-label="Wei Zhang: No answer"]').click();
  await row.locator('li', { hasText: 'Wei Zhang: No answer, says Jo Bright' }).waitFor();
  await row.locator('button[aria-label="Maya Lind: Spoken to, coming"]').click();
  await row.waitFor({ state: 'detached' });
});

test('3 the log says who did what', async () => {
  const { jo } = cast;
  await jo.go('#/work/switchboard/log');
  await jo.page.locator('tbody tr', { hasText: 'Maya Lind, spoken to, coming' }).waitFor();
  await jo.page.locator('tbody tr', { hasText: 'for Sister Kelly, theatres' }).waitFor();
  await jo.clean('the log');
  await jo.narrow();
  await jo.both('switchboard-log-desk');
});

test('4 on a phone the chosen part is in view, wherever one comes from, and when it is turned', async () => {
  const { jo } = cast;
  const inside = () => jo.page.waitForFunction(() => {
    const [row, chip] = ['.main-pane .chips', '.main-pane .chips [aria-pressed=true]'].map((q) => document.querySelector(q)?.getBoundingClientRect());
    return row && chip && chip.left >= row.left && chip.right <= row.right && chip.right <= innerWidth;
  });
  await jo.page.setViewportSize({ width: 844, height: 390 });
  await inside();
  await jo.page.setViewportSize(phone);
  for (const part of ['/log', '', '/test', '/on', '/for']) {
    await jo.go(`#/work/switchboard${part}`);
    await jo.page.locator('.main-pane .chips [aria-pressed=true]').first().waitFor();
    await inside();
    await jo.shot(`switchboard-phone${part.replace('/', '-')}`);
  }
});

test('5 nobody asked another origin, and nothing broke', async () => {
  for (const p of Object.values(cast)) p.quiet();
});
