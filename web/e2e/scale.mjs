// A large trust and a long shift: hundreds of conversations, a conversation of thousands, thousands of photos, eight hours in minutes.
// What is looked at stays where it is, and neither memory nor disk grows. SOAK=long takes the whole of it: make soak.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, launch, Person } from './people.mjs';
import { each, largeTrust, line, picture, roomName } from './seed.mjs';
import { startDemo } from './start.mjs';
import { Gauge, watchPaint } from './throttle.mjs';

const long = process.env.SOAK === 'long';
const size = long ? { rooms: 300, messages: 10_000 } : { rooms: 300, messages: 1_500 };
const photos = long ? 2_000 : 120;
const rounds = long ? 96 : 12; // five minutes each

let server;
let browser;
let trust;
let liam;
let gauge;

// countUrls runs in the page first: it knows which object URLs are alive.
function countUrls() {
  const alive = (globalThis.__urls = new Set());
  const make = URL.createObjectURL.bind(URL);
  const end = URL.revokeObjectURL.bind(URL);
  URL.createObjectURL = (b) => { const u = make(b); alive.add(u); return u; };
  URL.revokeObjectURL = (u) => { alive.delete(u); end(u); };
}

before(async () => {
  server = await startDemo(['-no-rate-limits', '-urgent-rung', '3600s']);
  browser = await launch();
  trust = await largeTrust(server.url, size);
  trust.album = await trust.asha.room('Photos of the week', [trust.me, trust.tom]);
  await each(photos, 4, (n) => trust.tom.photo(trust.album, n));
  liam = await Person.arrive(browser, server.url, 'liam', desk);
  await liam.context.addInitScript(watchPaint);
  await liam.context.addInitScript(countUrls);
  await liam.page.clock.install();
  await liam.signIn();
  gauge = await Gauge.on(liam.page);
});

after(async () => {
  await liam?.shot('scale-end').catch(() => undefined);
  await browser?.close();
  await server?.stop();
});

const inRoom = (id) => `#/chats/${encodeURIComponent(id)}`;

async function enter(id, name) {
  await liam.go(inRoom(id));
  await liam.page.locator('.split-main .who', { hasText: name }).waitFor();
  await liam.page.locator('.stream .bubble').first().waitFor();
}

// toTheEnd scrolls the list down until so many rows are in it.
function toTheEnd(rows) {
  return liam.page.waitForFunction((n) => {
    const box = document.querySelector('.list-pane .scroll');
    box.scrollTop = box.scrollHeight;
    return document.querySelectorAll('.list-pane ul.rows > li').length >= n;
  }, rows, { timeout: 30_000 });
}

test('1 three hundred conversations are all there, can be filtered and found', async () => {
  const { page } = liam;
  await page.waitForFunction((n) => Number(document.querySelector('.list-pane ul.rows > li')?.getAttribute('aria-setsize')) >= n, size.rooms, { timeout: 30_000 });
  const drawn = await page.locator('.list-pane ul.rows > li').count();
  assert.ok(drawn < 120, `${drawn} rows are drawn before anybody has scrolled`);
  await toTheEnd(size.rooms);
  await page.locator('.chip', { hasText: 'Teams' }).click();
  await page.waitForFunction(() => document.querySelector('.chip[aria-pressed=true]')?.textContent.trim() === 'Teams');
  await toTheEnd(size.rooms - 5);
  await page.locator('.chip', { hasText: 'Patients' }).click();
  await page.waitForFunction((n) => document.querySelectorAll('.list-pane ul.rows > li').length < n, size.rooms / 2);
  await page.locator('.chip', { hasText: 'All' }).click();
  await page.fill('#find', 'Team 117');
  await page.locator('.list-pane ul.rows .row', { hasText: 'Team 117' }).waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.split-main .who', { hasText: 'Team 117' }).waitFor();
  await page.fill('#find', 'العناية');
  await page.locator('.list-pane ul.rows .row', { hasText: roomName(2) }).first().waitFor();
  await liam.wide();
  await liam.shot('scale-list-rtl');
  await page.keyboard.press('Escape');
  await liam.clean('three hundred conversations');
});

// back scrolls up by pages, and answers how far the row that was looked at moved by itself.
function back(pages) {
  return liam.page.evaluate(async (n) => {
    const box = document.querySelector('.stream-scroll');
    const inner = box.querySelector('.stream');
    const rows = () => [...inner.querySelectorAll('article[data-key]')];
    let off = 0;
    let most = 0;
    const whole = () => inner.firstElementChild?.textContent.includes('The conversation begins here');
    for (let i = 0; i < n && rows()[0] && !whole(); i++) {
      const was = rows()[0].dataset.key;
      const row = rows()[6] ?? rows()[0];
      box.scrollTop = Math.min(row.offsetTop - 40, 500);
      const at = row.getBoundingClientRect().top;
      const look = () => { if (row.isConnected) off = Math.max(off, Math.abs(row.getBoundingClientRect().top - at)); };
      await globalThis.__until(() => { look(); return rows()[0]?.dataset.key !== was || whole(); });
      for (let k = 0; k < 3; k++) { await new Promise((ok) => requestAnimationFrame(ok)); look(); }
      most = Math.max(most, inner.children.length);
    }
    return { off, most };
  }, pages);
}

test('2 in a conversation of thousands nothing jumps, and few rows are in the page', async () => {
  await enter(trust.long, 'The long conversation');
  const went = await back(Math.ceil(size.messages / 30));
  assert.ok(went.off < 1, `the row that was looked at moved by ${went.off} px`);
  assert.ok(went.most < 480, `${went.most} rows are in the page`);
  await liam.page.evaluate(() => { document.querySelector('.stream-scroll').scrollTop = 0; });
  await liam.page.getByText('The conversation begins here').waitFor();
  await liam.page.locator('.stream', { hasText: line(0) }).waitFor();
  await liam.page.locator('.jump').first().click();
  await liam.page.locator('.stream-scroll[data-at-bottom=true]').waitFor();
  await liam.go(`${inRoom(trust.long)}/at/${encodeURIComponent(trust.events[40])}`);
  await liam.page.locator(`[data-event="${trust.events[40]}"]`).waitFor();
  await enter(trust.ids[3], roomName(3));
  await liam.page.waitForFunction(() => globalThis.__until !== undefined);
  await until(() => ledger(), (l) => (l.rooms[trust.long] ?? 0) <= 450, 'the long conversation is put away');
});

// ledger counts what the device keeps of each room.
function ledger() {
  return liam.page.evaluate(async () => {
    const db = await new Promise((ok, no) => { const r = indexedDB.open('wardline'); r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
    const rows = await new Promise((ok) => { const r = db.transaction('ev').objectStore('ev').getAllKeys(); r.onsuccess = () => ok(r.result); });
    db.close();
    const rooms = {};
    for (const [room] of rows) rooms[room] = (rooms[room] ?? 0) + 1;
    return { all: rows.length, rooms, most: Math.max(0, ...Object.values(rooms)) };
  });
}

// until asks again with each frame of the page, until the answer is as it should be.
async function until(ask, right, what) {
  let got;
  for (const end = Date.now() + 15_000; Date.now() < end;) {
    got = await ask();
    if (right(got)) return got;
    await liam.page.evaluate(() => new Promise((ok) => requestAnimationFrame(ok)));
  }
  assert.fail(`${what}: ${JSON.stringify(got)}`);
}

test('3 thousands of photos: what was drawn for sending is let go, and memory is flat', async () => {
  const { page } = liam;
  await enter(trust.album, 'Photos of the week');
  await page.locator('a.photo').first().waitFor();
  const files = [0, 1, 2].map((n) => ({ name: `own-${n}.png`, mimeType: 'image/png', buffer: picture(900_000 + n) }));
  await page.setInputFiles('[data-pick=photo]', files);
  await page.locator('dialog.attach button[type=submit]').click();
  await page.waitForFunction(() => document.querySelectorAll('article.is-own a.photo').length >= 3);
  await until(() => page.evaluate(() => globalThis.__urls.size), (n) => n === 0, 'object URLs that nobody let go');
  const first = await gauge.held();
  const went = await back(Math.ceil(photos / 30));
  assert.ok(went.off < 1, `the photo that was looked at moved by ${went.off} px`);
  await enter(trust.ids[4], roomName(4));
  const then = await gauge.held();
  assert.ok(then.heap < first.heap + 6e6, `memory grew from ${first.heap} to ${then.heap} by looking at ${photos} photos`);
  const kept = () => page.evaluate(async () => ((await caches.has('wardline-media')) ? (await (await caches.open('wardline-media')).keys()).length : 0));
  await until(kept, (n) => n <= 600, 'photos that are kept');
});

// five is five minutes of a shift: people talk, change their minds, agree and read; liam looks around, writes, and is paged.
async function five(i) {
  const { page } = liam;
  const room = trust.ids[5 + (i % 3)];
  const name = roomName(5 + (i % 3));
  await enter(room, name);
  const said = [];
  for (let k = 0; k < 12; k++) said.push(await (k % 2 ? trust.tom : trust.asha).say(room, `Round ${i}, ${line(k)}`));
  await trust.asha.edit(room, said[0], `Round ${i}, changed`);
  await trust.tom.react(room, said[1], '👍');
  await trust.tom.read(room, said.at(-1));
  await each(6, 3, (k) => trust.tom.say(trust.ids[20 + ((i * 6 + k) % 40)], line(i * 6 + k)));
  await page.locator('.stream', { hasText: `Round ${i}, ${line(11)}` }).waitFor();
  await liam.say(`Liam in round ${i}.`);
  await page.locator('article.is-own[data-state=sent], article.is-own[data-state=seen]', { hasText: `Liam in round ${i}.` }).waitFor();
  await liam.menu(`Liam in round ${i}.`);
  await page.keyboard.press('Escape');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  if (i % 4 === 0) {
    const p = await trust.asha.call('POST', '/_wardline/v1/pages', { txn: `soak${i}`, post: 'po_med_spr', urgency: 'urgent', patient: null, room: null, where: 'Ward 7', what: 'Please attend', need: 'attend', callback: '4417' });
    await page.locator('.alarm').first().waitFor();
    await trust.asha.call('POST', `/_wardline/v1/pages/${p.id}/withdraw`, { reason: '' });
    await page.locator('.alarm').first().waitFor({ state: 'detached' });
  }
  await liam.go('#/work');
  await page.locator('h1').first().waitFor();
  await liam.go('#/more');
  await page.locator('h1', { hasText: 'More' }).waitFor();
  await page.clock.fastForward('05:00');
}

test('4 after eight hours of a shift memory, page and disk are as they were', async () => {
  const warm = Math.ceil(rounds / 3);
  for (let i = 0; i < warm; i++) await five(i);
  await enter(trust.ids[0], roomName(0));
  const first = await gauge.held();
  const disk = await ledger();
  for (let i = warm; i < rounds; i++) await five(i);
  await enter(trust.ids[0], roomName(0));
  const then = await gauge.held();
  const kept = await ledger();
  console.log(`     ${rounds} rounds: ${(first.heap / 1e6).toFixed(1)} to ${(then.heap / 1e6).toFixed(1)} MB, ${first.nodes} to ${then.nodes} nodes, ${first.listeners} to ${then.listeners} listeners, ${disk.all} to ${kept.all} events on disk`);
  assert.ok(then.heap < first.heap * 1.25 + 1e6, `memory grew from ${first.heap} to ${then.heap}`);
  assert.ok(then.nodes < first.nodes * 1.1 + 400, `nodes grew from ${first.nodes} to ${then.nodes}`);
  assert.ok(then.listeners < first.listeners * 1.1 + 50, `listeners grew from ${first.listeners} to ${then.listeners}`);
  assert.ok(kept.most <= 460, `${kept.most} events of one conversation are on disk`);
  liam.quiet();
});
