// What a device does by itself when time passes, and who can use it: locks, shifts that end, erasing, the number on the icon, four times
// as large, without a mouse, with very many or with none.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, lastLooks, launch, password, Person, phone } from './people.mjs';
import { each, Hand } from './seed.mjs';
import { startDemo } from './start.mjs';

const ward = 'Ward 7 doctors and nurses';
let server;
let browser;

async function arrive(name, size, { clock = false, script, ...options } = {}) {
  const p = await Person.arrive(browser, server.url, name, size, options);
  if (script) await p.context.addInitScript(script);
  if (clock) await p.page.clock.install();
  return p;
}

before(async () => {
  server = await startDemo(['-no-rate-limits']);
  browser = await launch();
});

after(async () => {
  await lastLooks('edges');
  await browser?.close();
  await server?.stop();
});

// in the page: asks again with each turn of its own loop until something is true. It needs no clock, because that one may stand still.
function until(p, source) {
  return p.page.evaluate(async (text) => {
    const ask = new Function(`return (${text})`)();
    for (let i = 0; i < 20_000; i++) {
      const got = await ask();
      if (got) return got;
      await new Promise((ok) => { const c = new MessageChannel(); c.port1.onmessage = ok; c.port2.postMessage(0); });
    }
    throw new Error(`never true: ${text}`);
  }, String(source));
}

test('1 a device with a PIN locks after its idle minutes, not before, and not while somebody uses it', async () => {
  const grace = await arrive('grace', phone, { clock: true });
  await grace.signIn();
  await grace.go('#/more/lock');
  await grace.page.getByRole('button', { name: 'Set a PIN' }).click();
  await grace.page.fill('#new', '2580');
  await grace.page.fill('#again', '2580');
  await grace.page.getByRole('button', { name: 'Set the PIN' }).click();
  await grace.page.locator('[role=status]', { hasText: 'The PIN is set' }).waitFor();
  await grace.page.locator('label', { hasText: '2 min' }).click();
  await grace.go('#/chats');
  await grace.page.locator('.list-pane .row').first().waitFor();
  await grace.page.clock.fastForward('01:40');
  await grace.page.keyboard.press('Shift'); // still here
  await grace.page.clock.fastForward('01:40');
  assert.equal(await grace.page.locator('[data-locked]').count(), 0, 'it locked although somebody had touched it');
  await grace.page.locator('.list-pane .row').first().waitFor();
  await grace.page.clock.fastForward('00:30');
  await grace.page.locator('[data-locked]').waitFor();
  assert.ok(!/Grace|SMITH|Ward 7/.test(await grace.page.locator('body').innerText()));
  await grace.page.fill('#code', '2580');
  await grace.page.keyboard.press('Enter');
  await grace.page.locator('.list-pane .row').first().waitFor();
});

test('2 a shared computer warns, signs out when idle, and at the end of the shift however busy', async () => {
  const tom = await arrive('tom', desk, { clock: true });
  const shared = async (name) => {
    await tom.page.waitForSelector('#user');
    await tom.page.fill('#user', name);
    if (!(await tom.page.isChecked('.shared input'))) {
      const built = tom.page.waitForEvent('load'); // the app starts anew as one that keeps nothing
      await tom.page.click('.shared input');
      await built;
    }
    await tom.page.waitForFunction(() => document.querySelector('.shared input')?.checked);
    await tom.page.fill('#password', password);
    await tom.page.click('button[type=submit]');
    await tom.page.locator('.list-pane .row').first().waitFor();
    await tom.page.locator('[aria-label="Shared computer"]').waitFor();
  };
  await tom.page.goto(`${server.url}/`);
  await shared('tom');
  await tom.page.clock.fastForward('09:20');
  await tom.page.locator('.toast', { hasText: 'signs you out in a minute' }).waitFor();
  await tom.page.mouse.click(700, 5);
  await tom.page.clock.fastForward('05:00');
  await tom.page.locator('.list-pane .row').first().waitFor();
  await tom.page.clock.fastForward('05:30');
  await tom.page.waitForSelector('#user');
  await shared('grace'); // holds a post, whose end is the end of her shift, or thirteen hours are
  const until = await tom.page.evaluate(async () => Math.max(...(await (await fetch('/_wardline/v1/session')).json()).posts.map((x) => x.until)));
  assert.ok(until > 0, 'Grace holds no post');
  const now = await tom.page.evaluate(() => Date.now());
  for (let left = Math.min(until - now, 12.75 * 3_600_000); left > 0; left -= 9 * 60_000) {
    await tom.page.clock.fastForward(Math.min(9 * 60_000, Math.max(1, left)));
    await tom.page.mouse.click(700, 5);
  }
  await tom.page.locator('.list-pane .row').first().waitFor(); // handing over takes a while
  await tom.page.clock.fastForward('09:00');
  await tom.page.mouse.click(700, 5);
  await tom.page.clock.fastForward('06:30');
  await tom.page.waitForSelector('#user');
});

const kept = (p) => p.page.evaluate(async () => {
  if (!(await indexedDB.databases()).some((d) => d.name === 'wardline')) return 0;
  const db = await new Promise((ok, no) => { const r = indexedDB.open('wardline'); r.onsuccess = () => ok(r.result); r.onerror = () => no(r.error); });
  const names = [...db.objectStoreNames];
  const counts = await Promise.all(names.map((s) => new Promise((ok) => { const r = db.transaction(s).objectStore(s).count(); r.onsuccess = () => ok(r.result); })));
  db.close();
  return Object.fromEntries(names.map((s, i) => [s, counts[i]]));
});

test('3 forgetting copies keeps drafts and the session; a sign-out from elsewhere leaves nothing', async () => {
  const priya = await arrive('priya', phone);
  await priya.signIn();
  await priya.open(ward);
  await priya.page.fill('#say', 'Half a thought');
  await until(priya, async () => {
    const db = await new Promise((ok) => { const r = indexedDB.open('wardline'); r.onsuccess = () => ok(r.result); });
    const n = await new Promise((ok) => { const r = db.transaction('draft').objectStore('draft').count(); r.onsuccess = () => ok(r.result); });
    db.close();
    return n > 0;
  });
  assert.ok((await kept(priya)).ev > 0);
  await priya.go('#/more/storage');
  await priya.page.getByRole('button', { name: 'Clear the copies' }).first().click();
  await priya.page.locator('text=Cleared. Conversations are fetched again').waitFor(); // said after the reload, which would undo a step taken before it
  await priya.go('#/chats');
  await priya.page.locator('.list-pane .row').first().waitFor();
  await priya.open(ward);
  await priya.page.waitForFunction(() => document.querySelector('#say')?.value === 'Half a thought');
  const hand = await Hand.of(server.url, 'priya');
  await hand.call('POST', '/_matrix/client/v3/logout/all', {});
  await priya.page.waitForSelector('#user');
  await until(priya, async () => !(await indexedDB.databases()).some((d) => d.name === 'wardline') || (await (async () => {
    const db = await new Promise((ok) => { const r = indexedDB.open('wardline'); r.onsuccess = () => ok(r.result); });
    const n = await Promise.all([...db.objectStoreNames].map((s) => new Promise((ok) => { const r = db.transaction(s).objectStore(s).count(); r.onsuccess = () => ok(r.result); })));
    db.close();
    return n.every((x) => x === 0);
  })()));
  await until(priya, async () => (await caches.keys()).every((k) => k.startsWith('wardline-shell-')));
  assert.ok(!/Half a thought|SMITH/.test(await priya.page.locator('body').innerText()));
});

function countBadges() {
  globalThis.__badge = [];
  navigator.setAppBadge = async (n) => { globalThis.__badge.push(n); };
  navigator.clearAppBadge = async () => { globalThis.__badge.push(0); };
}

test('4 the number on the icon is the number of conversations that want to be read', async () => {
  const daniel = await arrive('daniel', desk, { script: countBadges });
  const [asha, me] = await Promise.all([Hand.of(server.url, 'asha'), Hand.of(server.url, 'daniel')]);
  await daniel.signIn();
  const shown = () => daniel.page.locator('.list-pane .row .count:not(.is-quiet)').count();
  const rooms = [];
  for (const name of ['Bay A', 'Bay B', 'Bay C']) rooms.push(await asha.room(name, [me]));
  for (const r of rooms) await asha.say(r, 'Something to read');
  await until(daniel, () => ['Bay A', 'Bay B', 'Bay C'].every((n) => [...document.querySelectorAll('.list-pane .row')].some((r) => r.textContent.includes(n) && r.querySelector('.count'))));
  const before = await shown();
  await daniel.page.waitForFunction((n) => globalThis.__badge.at(-1) === n, before);
  await daniel.open('Bay B');
  await daniel.page.waitForFunction((n) => globalThis.__badge.at(-1) === n, before - 1);
  await me.call('PUT', `/_matrix/client/v3/pushrules/global/override/${encodeURIComponent(rooms[0])}`, { conditions: [{ kind: 'event_match', key: 'room_id', pattern: rooms[0] }], actions: [] });
  await daniel.page.waitForFunction((n) => globalThis.__badge.at(-1) === n, before - 2);
});

test('5 none, one, 999 and more; names from right to left', async () => {
  const [asha, eilidh] = await Promise.all([Hand.of(server.url, 'asha'), Hand.of(server.url, 'eilidh')]);
  const one = await asha.room('محادثة الليل ליל', [eilidh]);
  const many = await asha.room('Very busy', [eilidh]);
  await asha.say(one, 'مرحبا, see bed 4');
  await each(1_003, 12, (i) => asha.say(many, `Number ${i}`));
  const e = await arrive('eilidh', phone);
  await e.signIn();
  const count = (name, words) => e.page.locator('.list-pane .row', { hasText: name }).locator('.count', { hasText: words }).waitFor();
  await count('محادثة', /^1\s?unread/);
  await count('Very busy', /^999\+/);
  await e.wide();
  await e.clean('counts, and names from right to left');
  await e.shot('edges-counts-phone');
  const dir = await e.page.locator('.list-pane .row', { hasText: 'محادثة' }).locator('.name').evaluate((n) => getComputedStyle(n).unicodeBidi);
  assert.equal(dir, 'plaintext', 'a name from right to left is drawn in its own direction');
  await e.page.locator('.list-pane .row', { hasText: 'Very busy' }).click();
  await e.page.locator('.stream .unread').waitFor();
  await e.wide();
  await e.shot('edges-many-phone');
  await e.go('#/chats');
  await e.page.locator('.chip', { hasText: 'Unread' }).click();
  await e.page.locator('.chip[aria-pressed=true]', { hasText: 'Unread' }).waitFor();
  const nobody = await arrive('rob', phone);
  await nobody.page.goto(`${server.url}/`);
  await nobody.page.fill('#user', 'rob');
  await nobody.page.fill('#password', password);
  await nobody.page.click('button[type=submit]');
  await nobody.page.locator('h1', { hasText: 'Chats' }).waitFor();
  await nobody.page.locator('.list-pane .empty, .list-pane .row').first().waitFor();
  await nobody.page.locator('.chip', { hasText: 'Patients' }).click();
  await nobody.page.locator('.list-pane .empty').waitFor();
  await nobody.clean('a list without anything');
  await nobody.shot('edges-none-phone');
});

test('6 at 400 % everything can be reached without scrolling sideways', async () => {
  const zoom = await arrive('marek', { width: 320, height: 256 }); // 1,280 by 1,024 at 400 %
  await zoom.signIn();
  await zoom.wide();
  await zoom.open('Ward');
  await zoom.wide();
  await zoom.page.fill('#say', 'Written at four times the size');
  const send = zoom.page.locator('button[aria-label=Send]');
  await send.scrollIntoViewIfNeeded();
  await send.click();
  await zoom.message('Written at four times the size').and(zoom.page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await zoom.shot('edges-zoom-chat');
  for (const [hash, test] of [['#/pages/new', '#post'], ['#/work', '.posts .item, .empty'], ['#/more', 'nav[aria-label=Settings]'], ['#/more/profile', '#status-words'], ['#/more/notices', '.group-label'], ['#/new', '.main-pane section .item']]) {
    await zoom.go(hash);
    await zoom.page.locator(test).first().waitFor();
    await zoom.wide();
    const box = await zoom.page.locator('.pane.on-phone').first().evaluate((pane) => { // at once, because a list may grow meanwhile
      const last = [...pane.querySelectorAll('button, a, input, select')].filter((e) => e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0).at(-1);
      last?.scrollIntoView({ block: 'nearest' });
      return last?.getBoundingClientRect().toJSON();
    });
    assert.ok(box && box.y >= -1 && box.y + Math.min(box.height, 40) <= 257, `${hash}: the last control cannot be brought into sight`);
  }
  await zoom.shot('edges-zoom-new');
});

test('7 the main ways by keyboard alone: find, read, write, react, page, settings', async () => {
  const k = await arrive('kate', desk);
  const { page } = k;
  await page.goto(`${server.url}/`);
  await page.locator('#user').focus();
  await page.keyboard.type('kate');
  await tabTo(k, () => document.activeElement?.id === 'password');
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await page.locator('.list-pane .row').first().waitFor();
  await page.keyboard.press('Control+k');
  await page.waitForFunction(() => document.activeElement?.id === 'find');
  await page.keyboard.type('Ward 7');
  await page.locator('.list-pane ul.rows .row', { hasText: 'Ward 7' }).first().waitFor();
  await page.keyboard.press('Enter');
  await page.locator('.stream .bubble').first().waitFor();
  await tabTo(k, () => document.activeElement?.id === 'say');
  await page.keyboard.type('By keys alone');
  await page.keyboard.press('Control+Enter');
  await k.message('By keys alone').and(page.locator('[data-state=sent], [data-state=seen]')).waitFor();
  await tabTo(k, () => document.activeElement?.matches('article.is-own .act'), 'Shift+Tab');
  const ring = await page.evaluate(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle !== 'none' || s.boxShadow !== 'none'; });
  assert.ok(ring, 'where the keyboard is cannot be seen');
  await page.keyboard.press('Enter');
  await page.locator('dialog[open] .menu').waitFor();
  await tabTo(k, () => document.activeElement?.textContent.includes('Star, for yourself'));
  await page.keyboard.press('Enter');
  await page.locator('dialog[open]').waitFor({ state: 'detached' });
  await k.message('By keys alone').getByText('Starred').waitFor();
  await tabTo(k, () => document.activeElement?.getAttribute('href') === '#/pages');
  await page.keyboard.press('Enter');
  await page.locator('h1', { hasText: 'Pages' }).first().waitFor();
  await tabTo(k, () => document.activeElement?.getAttribute('href')?.startsWith('#/pages/new'));
  await page.keyboard.press('Enter');
  await page.locator('#post').waitFor();
  await tabTo(k, () => document.activeElement?.id === 'post');
  await page.keyboard.type('medical registrar');
  await page.locator('[role=option]').first().waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await tabTo(k, () => document.activeElement?.id === 'what');
  k.quiet();
});

// tabTo presses Tab until the focus is where it should be, as somebody without a mouse does; it must come there within two rounds.
async function tabTo(p, there, key = 'Tab') {
  for (let i = 0; i < 160; i++) {
    if (await p.page.evaluate(there)) return;
    await p.page.keyboard.press(key);
  }
  assert.fail(`the keyboard never comes to ${there}`);
}
