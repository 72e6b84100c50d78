// The list of conversations, what can be written, and groups: on a phone, at a desk, by keyboard, in both themes.

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
let owen;

before(async () => {
  server = await startDemo();
  browser = await launch();
  asha = await Person.arrive(browser, server.url, 'asha', phone, { theme: 'night' });
  tom = await Person.arrive(browser, server.url, 'tom', desk);
  owen = await Person.arrive(browser, server.url, 'ken', desk);
});

after(async () => {
  await lastLooks('group');
  await browser?.close();
  await server?.stop();
});

const bubble = (p, words) => p.page.locator('article.say', { has: p.page.locator('.bubble', { hasText: words }) }).last();
const row = (p, name) => p.page.locator('.list-pane .row', { hasText: name }).first();

async function listMenu(p, name, item) {
  await p.page.locator('.with-menu', { hasText: name }).first().locator('.row-more').focus();
  await p.page.keyboard.press('Enter');
  await p.page.locator('dialog[open] .item', { hasText: item }).click();
}

test('1 kept on top, muted, put away and brought back, as other clients see it', async () => {
  await asha.signIn();
  await tom.signIn();
  await listMenu(tom, 'Tea club', 'Keep on top');
  await tom.page.waitForFunction(() => document.querySelector('.list-pane .rows .row')?.textContent.includes('Tea club'));
  await listMenu(tom, 'Tea club', 'Notifications');
  await tom.page.locator('dialog[open] .item', { hasText: 'Mute until I switch it on' }).click();
  await row(tom, 'Tea club').locator('.sign', { hasText: 'Muted' }).waitFor();
  await tom.clean('list with marks');
  await tom.shot('list-desk-day');
  const seen = await tom.page.evaluate(async () => {
    const get = async (path) => (await fetch(`/_matrix/client/v3/${path}`)).json();
    const me = (await get('account/whoami')).user_id;
    const rules = (await get('pushrules/')).global.override.filter((r) => r.rule_id.startsWith('!'));
    const rooms = (await get('joined_rooms')).joined_rooms;
    const tags = await Promise.all(rooms.map(async (r) => Object.keys((await get(`user/${me}/rooms/${encodeURIComponent(r)}/tags`)).tags)));
    return { rules: rules.map((r) => r.actions.length), tags: tags.flat() };
  });
  assert.deepEqual(seen, { rules: [0], tags: ['m.favourite'] });
  await listMenu(tom, 'OKAFOR', 'Archive');
  await row(tom, 'OKAFOR').waitFor({ state: 'detached' });
  await tom.page.locator('.chip', { hasText: 'Archived' }).click();
  await row(tom, 'OKAFOR').waitFor();
  await listMenu(tom, 'OKAFOR', 'Back into the list'); // the last that was put away: nobody is left before an empty list without its chip
  await tom.page.locator('.chip[aria-pressed=true]', { hasText: 'All' }).waitFor();
  await row(tom, 'OKAFOR').waitFor();
  await tom.page.reload();
  await row(tom, 'Tea club').locator('.sign', { hasText: 'Muted' }).waitFor();
});

test('2 search and switch by keyboard: conversations, people, posts, patients, messages, and to the place', async () => {
  for (const from of ['#/chats', '#/work']) {
    await tom.go(from);
    const where = await tom.page.evaluate(() => {
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true, cancelable: true }));
      return document.activeElement.id; // at once: the next key may be in the queue already
    });
    assert.equal(where, 'find', `Ctrl+K from ${from}`);
  }
  await tom.page.keyboard.press('Control+k');
  await tom.page.keyboard.type('calcium');
  await tom.page.locator('[data-hits] .row', { hasText: 'gluconate' }).first().waitFor();
  await tom.clean('search for messages');
  await tom.shot('search-desk-day');
  await tom.page.keyboard.press('ArrowDown');
  await tom.page.keyboard.press('Enter');
  await tom.page.locator('article.is-found', { hasText: 'gluconate' }).waitFor();
  await tom.page.keyboard.press('Control+k');
  await tom.page.keyboard.press('Escape');
  await tom.page.focus('.main-pane');
  await tom.page.keyboard.press('Shift+?');
  await tom.page.waitForSelector('dialog[aria-label=Keys][open]');
  await tom.clean('keys');
  await tom.page.keyboard.press('Escape');
});

test('3 in a conversation: a day, words, its threads', async () => {
  await tom.open(ward);
  await tom.page.waitForFunction(() => document.activeElement?.id === 'say'); // at a desk one can write at once
  await tom.page.click('button[aria-label^="Search here"]');
  await tom.page.waitForSelector('dialog[open] .menu');
  await tom.clean('conversation menu');
  await tom.page.locator('dialog[open] .item', { hasText: 'Go to a day' }).click();
  const day = await tom.page.evaluate(() => new Intl.DateTimeFormat('en-CA').format(Date.now() - 2 * 86_400_000));
  await tom.page.fill('#jump-date', day);
  await tom.page.keyboard.press('Enter');
  await tom.page.locator('article.is-found').waitFor();
  await tom.page.click('button[aria-label^="Search here"]');
  await tom.page.locator('dialog[open] .item', { hasText: 'Search here' }).click();
  await tom.page.keyboard.type('bed');
  await tom.page.locator('dialog[open] [data-hits] .row').nth(15).click();
  await tom.page.locator('article.is-found').waitFor();
  await tom.page.click('.jump');
  await tom.page.waitForSelector('.stream-scroll[data-at-bottom=true]');
});

test('4 people and posts are named by keyboard, and hear it', async () => {
  await asha.open(ward);
  await tom.page.focus('#say');
  await tom.page.keyboard.type('Thanks @ash');
  await tom.page.locator('.names [role=option]', { hasText: 'Asha Patel' }).waitFor();
  await tom.clean('naming somebody');
  await tom.page.keyboard.press('Enter');
  await tom.page.keyboard.type('and @medical reg');
  await tom.page.locator('.names [role=option]', { hasText: 'reaches Liam Hughes' }).waitFor();
  await tom.page.keyboard.press('Enter');
  await tom.page.keyboard.type('please look');
  await tom.page.keyboard.press('Enter');
  const said = bubble(asha, 'please look');
  await said.waitFor();
  assert.deepEqual(await said.locator('.mention').allTextContents(), ['@Asha Patel', '@Medical registrar on call']);
  const users = await tom.page.evaluate(async () => {
    const room = location.hash.split('/')[2];
    const page = await (await fetch(`/_matrix/client/v3/rooms/${room}/messages?dir=b&limit=1`)).json();
    return page.chunk[0].content['m.mentions'].user_ids.map((u) => u.split(':')[0]).sort();
  });
  assert.deepEqual(users, ['@asha', '@liam']);
});

test('5 a poll is asked, voted, ended, and makes sense elsewhere', async () => {
  await tom.page.click('button[aria-label^="Add a photo"]');
  await tom.page.locator('dialog[open] .item', { hasText: 'Poll' }).click();
  await tom.page.fill('#poll-question', 'Handover in the day room or the office?');
  await tom.page.fill('#poll-0', 'Day room');
  await tom.page.fill('#poll-1', 'Office');
  await tom.clean('new poll');
  await tom.page.click('dialog[open] button[type=submit]');
  const poll = asha.page.locator('.poll', { hasText: 'Handover in the day room' });
  await poll.locator('.answer', { hasText: 'Office' }).click();
  await poll.locator('.answer[aria-checked=true]', { hasText: 'Office' }).waitFor();
  await asha.clean('poll');
  await asha.wide();
  await asha.shot('poll-phone-night');
  const mine = tom.page.locator('.poll', { hasText: 'Handover in the day room' });
  await mine.locator('.caption', { hasText: '1 person voted' }).waitFor();
  await mine.locator('button', { hasText: 'End poll' }).click();
  await mine.locator('button', { hasText: 'End it for everyone' }).click();
  await asha.page.locator('.poll[data-ended=true]').waitFor();
});

test('6 where: a place by its name', async () => {
  await asha.page.click('button[aria-label^="Add a photo"]');
  await asha.page.locator('dialog[open] .item', { hasText: 'Where' }).click();
  await asha.page.fill('#place-exact', 'bay C');
  await asha.clean('where');
  await asha.page.locator('dialog[open] .places .item', { hasText: 'Ward 7' }).click();
  await bubble(tom, 'Ward 7, bay C').waitFor();
});

test('7 a group of people and a post that it follows; roles, description, invitation', async () => {
  await tom.go('#/new/group');
  await tom.page.fill('#group-name', 'Discharge round');
  await tom.page.fill('#group-about', 'Who goes home today');
  for (const who of ['Asha Patel', 'Medical registrar on call']) {
    await tom.page.fill('#who', who.slice(0, 9));
    await tom.page.locator('[role=option]', { hasText: who }).first().click();
  }
  await tom.page.locator('label', { hasText: 'whoever holds the post' }).click();
  const near = tom.page.locator('.group-form section');
  await near.locator('.item', { hasText: 'Priya Nair' }).waitFor(); // of the same ward, before a letter is typed
  assert.equal(await near.locator('.item', { hasText: 'Asha Patel' }).count(), 0, 'who was chosen is offered again');
  await tom.clean('new group that follows');
  await tom.shot('group-new-desk-day');
  await tom.page.click('text=Make the group');
  await tom.page.locator('h1', { hasText: 'Discharge round' }).waitFor();
  await tom.page.locator('.class-tag', { hasText: 'Team' }).waitFor();
  const side = tom.page.locator('.split-side');
  await side.locator('.line', { hasText: 'Medical registrar on call' }).first().waitFor();
  await side.locator('li', { hasText: 'Liam Hughes' }).first().waitFor();
  await side.locator('button[aria-label^="Role of Asha"]').click();
  await side.locator('button', { hasText: 'Make admin' }).click();
  await side.locator('.who-line', { hasText: 'Asha Patel' }).locator('.tag', { hasText: 'Admin' }).waitFor();
  await tom.page.locator('.note', { hasText: 'Asha Patel is now an admin' }).waitFor();
  await side.locator('button', { hasText: 'Make an invitation' }).click();
  const link = await side.locator('[data-link]').textContent();
  await side.locator('button', { hasText: 'Change the name' }).click();
  await side.locator('#new-name').fill(' ');
  await side.locator('button[type=submit]').click();
  await side.locator('[role=alert]', { hasText: 'Give the group a name' }).waitFor();
  await tom.clean('a group without a name');
  await side.locator('#new-name').fill('Discharge round, bay C');
  await side.locator('button[type=submit]').click();
  await row(asha, 'Discharge round, bay C').waitFor({ state: 'attached' }); // behind the conversation that she has open
  await tom.page.locator('.note', { hasText: 'Tom Reid named the group Discharge round, bay C' }).waitFor();
  await tom.say('Round at ten');
  await bubble(tom, 'Round at ten').waitFor();
  assert.equal(await side.locator('[data-link]').textContent(), link, 'the invitation has gone from the screen');
  await tom.clean('group details');
  await tom.shot('group-details-desk-day');
  await owen.signIn();
  await owen.page.goto(link);
  await owen.page.locator('h2', { hasText: 'Discharge round' }).waitFor();
  await owen.clean('invitation');
  await owen.shot('invitation-desk-day');
  await owen.page.click('text=Join the group');
  await owen.page.locator('h1', { hasText: 'Discharge round' }).waitFor();
  await side.locator('button[aria-label="Take this invitation back"]').click();
  await side.locator('.hint-line').waitFor({ state: 'detached' });
  await owen.page.click('button[aria-label^="Search here"]');
  await owen.page.locator('dialog[open] .item', { hasText: 'Leave' }).click();
  await owen.clean('leave?');
  await owen.page.locator('dialog[open] button.is-danger').click();
  await row(owen, 'Discharge round').waitFor({ state: 'detached' });
  await owen.page.goto(link);
  await owen.page.locator('[role=alert]', { hasText: 'ended or was taken back' }).waitFor();
});

test('8 long names, right to left, and many: narrow', async () => {
  const names = ['قسم القلب والطوارئ — نادية كريم', 'Multidisciplinarydischargeplanningcoordinationmeeting-without-a-space', '🫀🧠 Stroke & cardiac 💊'];
  await tom.page.evaluate(async (list) => {
    for (const [i, name] of list.entries()) await fetch('/_wardline/v1/groups', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ name, class: i === 2 ? 'social' : 'team', people: [`@asha:${(await (await fetch('/_matrix/client/v3/account/whoami')).json()).user_id.split(':').slice(1).join(':')}`], posts: [], patient: null, txn: `n${i}` }) });
  }, names);
  await asha.go('#/chats');
  for (const n of names) await row(asha, n.slice(0, 12)).waitFor();
  await asha.clean('list with long names');
  await asha.shot('list-phone-night');
  await asha.page.setViewportSize({ width: 320, height: 640 });
  await asha.wide();
  await asha.shot('list-320');
  for (const n of names) {
    await asha.go('#/chats');
    await row(asha, n.slice(0, 12)).click();
    await asha.page.locator('h1', { hasText: n.slice(0, 12) }).waitFor();
    await asha.wide();
  }
  await asha.shot('chat-320');
  await asha.page.locator('.main-pane .who').click(); // the name is cut here, and whole in the details
  await asha.page.locator('.full-name', { hasText: names[2] }).waitFor();
  await asha.wide();
  await asha.clean('details at 320');
  await asha.page.click('button[aria-label="Close details"]');
  await asha.page.click('button[aria-label^="Search here"]');
  await asha.page.waitForSelector('dialog[open] .menu');
  await asha.wide();
  for (const p of [asha, tom, owen]) p.quiet();
});
