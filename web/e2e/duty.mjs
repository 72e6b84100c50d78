// Posts, rotas and people, in real browsers against the real binary: who is it now, and how it changes. No sleeps.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { cast, desk, lastLooks, launch, out, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;

const person = (name, size, theme = 'day') => Person.on(browser, server.url, name, size, { theme });

before(async () => {
  server = await startDemo();
  browser = await launch();
});

after(async () => {
  await lastLooks('duty');
  await browser?.close();
  await server?.stop();
});

test('1 an empty post is an alarm; somebody takes it, with the keyboard alone', async () => {
  const tom = await person('tom', phone);
  await tom.go('#/work');
  await tom.page.locator('.posts .item', { hasText: 'SHO 2' }).first().locator('.tag.urgent', { hasText: 'Nobody' }).waitFor();
  await tom.clean('posts on duty');
  await tom.narrow();
  await tom.both('duty-posts-phone');
  await tom.page.locator('.posts .item', { hasText: 'SHO 2' }).first().locator('a.whole').click();
  await tom.page.locator('section[aria-label=Alarm]', { hasText: 'Nobody holds this post' }).waitFor();
  await tom.clean('post with an alarm');
  await tom.narrow();
  await tom.both('duty-post-alarm-phone');
  await tom.page.locator('text=Take this post').focus();
  await tom.page.keyboard.press('Enter');
  await tom.page.locator('section[aria-label=Holders] li', { hasText: 'You' }).waitFor();
  await tom.page.locator('section[aria-label=Alarm]').waitFor({ state: 'detached' });
  await tom.page.locator('button', { hasText: 'Door code' }).click();
  await tom.page.locator('.door svg').waitFor();
  await tom.shot('duty-door-phone');
  await tom.page.locator('button', { hasText: 'Done' }).click();
  await tom.page.locator('button', { hasText: 'History' }).click();
  await tom.page.locator('section[aria-label=History] li', { hasText: 'Tom Reid' }).waitFor();
  await tom.clean('post with its history');
});

test('2 a post is given, and held by its giver until the other accepts; its conversation goes with it', async () => {
  const asha = await person('asha', phone, 'night');
  const liam = await person('liam', desk);
  const ruth = await person('ruth', phone);
  await asha.go('#/work/post/po_med_spr');
  await asha.page.locator('.button', { hasText: 'Message' }).click();
  await asha.page.waitForSelector('#say');
  await asha.say('Are you free at ten?');
  await liam.go('#/work/post/po_med_spr');
  await liam.page.locator('button', { hasText: 'Hand over' }).click();
  await liam.page.fill('#to', 'ruth');
  await liam.page.locator('[role=option]', { hasText: 'Ruth Cole' }).click();
  await liam.clean('handing a post over');
  await liam.both('duty-give-desk');
  await liam.page.locator('button', { hasText: 'Offer it' }).click();
  await liam.page.locator('.notice', { hasText: 'You hold it until they accept' }).waitFor();
  await ruth.go('#/work');
  await ruth.page.locator('.notice', { hasText: 'offers you' }).click();
  await ruth.page.locator('section[aria-label=Offer]').waitFor();
  await ruth.clean('an offer');
  await ruth.both('duty-offer-phone');
  await ruth.page.locator('button', { hasText: 'Accept' }).click();
  const again = ruth.page.locator('button', { hasText: 'All the same' });
  const holds = ruth.page.locator('section[aria-label=Holders] li', { hasText: 'You' });
  await again.or(holds).first().waitFor();
  if (await again.isVisible()) await again.click();
  await holds.waitFor();
  await ruth.go('#/chats');
  await ruth.open('Medical registrar on call · Asha Patel');
  await ruth.page.locator('.bubble', { hasText: 'Are you free at ten?' }).waitFor();
  await liam.go('#/chats');
  await liam.page.locator('.list-pane .row', { hasText: 'Duty and rota' }).first().waitFor();
  assert.equal(await liam.page.locator('.list-pane .row', { hasText: 'Medical registrar on call · Asha' }).count(), 0, 'Liam still sees the post’s conversation');
});

test('3 taking over wants a reason, and its holder is told', async () => {
  const asha = await person('asha', phone);
  const maya = await person('maya', desk);
  await maya.go('#/work/post/po_nic_w7');
  await maya.page.locator('button', { hasText: 'Take it over' }).click();
  assert.ok(await maya.page.locator('.dock button', { hasText: 'Take it over' }).isDisabled());
  await maya.page.fill('#why', 'Called to theatre, cannot be reached');
  await maya.clean('taking a post over');
  await maya.page.locator('.dock button', { hasText: 'Take it over' }).click();
  await maya.page.locator('section[aria-label=Holders] li', { hasText: 'You' }).waitFor();
  await asha.go('#/chats');
  await asha.page.locator('.list-pane .row', { hasText: 'Duty and rota' }).first().click();
  await asha.page.locator('.bubble', { hasText: 'Maya Lind has taken over Nurse in charge, Ward 7 from you' }).waitFor();
});

test('4 a shift is covered: asked, agreed, approved', async () => {
  const liam = await person('liam', desk);
  const hana = await person('hana', phone);
  const priya = await person('priya', desk);
  await liam.go('#/work/mine');
  await liam.page.locator('.item', { hasText: 'Medical registrar on call' }).first().waitFor();
  await liam.clean('my shifts');
  await liam.both('duty-mine-desk');
  await hana.go('#/work/mine');
  await hana.page.locator('.item', { hasText: 'Medical registrar on call' }).first().waitFor();
  await hana.narrow();
  await hana.both('duty-mine-phone');
  await liam.page.locator('button', { hasText: 'Swap' }).last().click();
  await liam.page.locator('section[aria-label="Swap or cover"]').waitFor();
  await liam.clean('asking for cover');
  await liam.page.locator('button', { hasText: 'Ask' }).click();
  await liam.page.locator('section[aria-label="Swap or cover"]').waitFor({ state: 'detached' });
  await hana.go('#/work/requests');
  await hana.page.locator('li.card', { hasText: 'Liam Hughes' }).locator('button', { hasText: 'cover it' }).click();
  await priya.go('#/work/requests');
  const one = priya.page.locator('li.card', { hasText: 'Hana Cole' });
  await one.waitFor();
  await priya.clean('requests');
  await priya.both('duty-requests-desk');
  await one.locator('button', { hasText: /^Approve/ }).click();
  const rest = priya.page.locator('button', { hasText: 'All the same' });
  const done = priya.page.locator('.tag.done');
  await rest.or(done).first().waitFor();
  if (await rest.isVisible()) await rest.click();
  await hana.go('#/chats');
  await hana.page.locator('.list-pane .row', { hasText: 'Duty and rota' }).first().click();
  await hana.page.locator('.bubble', { hasText: 'has approved the cover of Medical registrar on call' }).waitFor();
});

test('5 a rota is planned from a pattern, looked at and published', async () => {
  const priya = await person('priya', desk);
  const asha = await person('asha', phone);
  await priya.go('#/work/rota/po_med_sho2');
  await priya.page.locator('.gaps .gap').first().waitFor();
  await priya.page.locator('button', { hasText: 'Patterns' }).click();
  await priya.page.locator('section[aria-label=Patterns] button', { hasText: 'Pattern' }).click();
  await priya.page.locator('label', { hasText: 'Name' }).locator('input').first().fill('SHO 2, days');
  for (const [i, who] of ['tom', 'ellie'].entries()) {
    await priya.page.locator('button', { hasText: 'Day shift' }).click();
    await priya.page.fill(`#line-${i}`, who);
    await priya.page.locator('[role=option]').first().click();
  }
  await priya.clean('a pattern');
  await priya.both('duty-pattern-desk');
  await priya.page.locator('button', { hasText: 'Save the pattern' }).click();
  await priya.page.locator('button', { hasText: 'Fill these two weeks' }).click();
  await priya.page.locator('.desk .shift.is-draft').first().waitFor();
  await priya.page.locator('button', { hasText: 'Patterns' }).click();
  await priya.page.locator('button', { hasText: 'Publish' }).click();
  await priya.page.locator('section[aria-label="Before it is published"]').waitFor();
  await priya.clean('a rota before it is published');
  await priya.both('duty-rota-desk');
  await priya.page.locator('section[aria-label="Before it is published"] button', { hasText: 'Publish' }).click();
  await priya.page.locator('.desk .shift.is-draft').first().waitFor({ state: 'detached' });
  await asha.go('#/work/rota/po_med_sho2');
  await asha.page.locator('.phone .item', { hasText: 'Tom Reid' }).first().waitFor();
  await asha.clean('a rota on a phone');
  await asha.narrow();
  await asha.both('duty-rota-phone');
});

test('6 the directory forgives a slip, and shows whom to reach', async () => {
  const asha = await person('asha', phone);
  await asha.go('#/more/directory');
  await asha.page.fill('input[type=search]', 'hugehs');
  const hit = asha.page.locator('.item', { hasText: 'Liam Hughes' });
  await hit.waitFor();
  await asha.clean('directory');
  await asha.page.fill('input[type=search]', 'card');
  await asha.page.locator('.item', { hasText: 'Cardiac arrest team' }).waitFor();
  await asha.narrow();
  await asha.both('duty-directory-phone');
  await asha.page.locator('a', { hasText: 'Cardiac arrest team' }).click();
  await asha.page.locator('.item', { hasText: 'Wei Zhang' }).waitFor();
  await asha.clean('a team');
  await asha.page.locator('a', { hasText: 'Wei Zhang' }).click();
  await asha.page.locator('h2', { hasText: 'Wei Zhang' }).waitFor();
  await asha.clean('a card');
  await asha.narrow();
  await asha.both('duty-person-phone');
});

test('7 staff: an import that says first what it would do, somebody new, somebody who leaves', async () => {
  const maya = await person('maya', desk);
  const file = `${out}staff.csv`;
  writeFileSync(file, 'Employee Number,First Name,Last Name,Position Title,Department,Email Address\n5001,Nerys,Pugh,Staff nurse,Ward 7,nerys.pugh@st-elsewhere.example\n5002,Ivo,Brandt,Porter,Ward 99,ivo@st-elsewhere.example\n');
  await maya.go('#/more/import');
  await maya.page.setInputFiles('input[type=file]', file);
  await maya.page.locator('li', { hasText: 'There is no ward or place called Ward 99' }).waitFor();
  await maya.clean('an import that is only looked at');
  await maya.both('duty-import-desk');
  writeFileSync(file, 'somebody else saved the file meanwhile\n'); // what is imported is what was looked at
  await maya.page.locator('button', { hasText: 'Import: 1 change' }).click();
  await maya.page.locator('h2', { hasText: 'Done' }).waitFor();
  await maya.go('#/more/staff');
  await maya.page.fill('input[type=search]', 'nerys');
  await maya.page.locator('button.item', { hasText: 'Nerys Pugh' }).click();
  await maya.page.locator('button', { hasText: 'Sign-in link' }).click();
  const link = await maya.page.locator('input[readonly]').inputValue();
  await maya.clean('staff and devices');
  await maya.both('duty-staff-desk');
  const nerys = await Person.arrive(browser, server.url, 'nerys.pugh', phone);
  cast.nerys = nerys;
  await nerys.page.goto(link);
  await nerys.page.waitForSelector('.list-pane');
  await maya.page.locator('button', { hasText: 'Has left' }).click();
  await maya.page.locator('button', { hasText: 'They have left' }).click();
  await nerys.page.waitForSelector('#user');
  await maya.page.locator('.chip', { hasText: 'Have left' }).click();
  await maya.page.locator('button.item', { hasText: 'Nerys Pugh' }).waitFor();
  const asha = await person('asha', phone);
  await asha.go('#/more/staff');
  await asha.page.locator('[role=alert]').waitFor();
});

test('8 nobody asked another origin, and nothing broke', async () => {
  for (const p of Object.values(cast)) p.quiet();
});
