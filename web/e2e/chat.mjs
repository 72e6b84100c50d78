// What can be done with a message, and with a conversation: on a phone, at a desk, by keyboard, in both themes.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, lastLooks, launch, password, Person, phone } from './people.mjs';
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
  await lastLooks('chat');
  await browser?.close();
  await server?.stop();
});

const bubble = (p, words) => p.page.locator('article.say', { has: p.page.locator('.bubble > p, .bubble > .rich', { hasText: words }) }).last();
const sent = (p) => p.page.locator('[data-state=sent], [data-state=seen]');

async function say(p, words, shown = words) {
  await p.page.fill('#say', words);
  await p.page.keyboard.press('Control+Enter');
  await bubble(p, shown).and(sent(p)).waitFor();
}

// menu opens what can be done with a message, by its button, as a keyboard does.
async function menu(p, words, item) {
  await bubble(p, words).locator('.act').focus();
  await p.page.keyboard.press('Enter');
  await p.page.waitForSelector('dialog[open] .menu');
  if (item) await p.page.locator('dialog[open] .item', { hasText: item }).first().click();
}

test('1 a message is changed, by the menu and by the arrow, and says so', async () => {
  await asha.signIn();
  await tom.signIn();
  await asha.open(ward);
  await tom.open(ward);
  await say(asha, 'Bed 4 goes at tne');
  await bubble(tom, 'Bed 4 goes at tne').waitFor();
  await menu(asha, 'Bed 4 goes at tne');
  await asha.clean('message menu');
  await asha.wide();
  await asha.page.locator('dialog[open] .item', { hasText: 'Edit' }).click();
  await asha.page.locator('.replying', { hasText: 'Change your message' }).waitFor();
  assert.equal(await asha.page.inputValue('#say'), 'Bed 4 goes at tne');
  await asha.clean('changing a message');
  await asha.page.fill('#say', 'Bed 4 goes at ten');
  await asha.page.click('button[aria-label="Save the change"]');
  await bubble(tom, 'Bed 4 goes at ten').locator('.when', { hasText: 'edited' }).waitFor();
  assert.equal(await asha.page.inputValue('#say'), '', 'the box is as it was before');
  // The arrow means what was sent this moment, also while the server has not shown it back: that waits here until the key was pressed.
  let gate = Promise.resolve();
  await tom.page.route('**/sync*', async (r) => {
    const answer = await r.fetch().catch(() => null);
    await gate;
    await (answer ? r.fulfill({ response: answer }) : r.abort()).catch(() => {});
  });
  await say(asha, 'Told them');
  await bubble(tom, 'Told them').waitFor();
  let show = () => {};
  gate = new Promise((ok) => { show = ok; });
  await say(tom, 'Thnaks');
  await tom.page.focus('#say');
  await tom.page.keyboard.press('ArrowUp');
  assert.equal(await tom.page.inputValue('#say'), '', 'nothing older is changed in its place');
  show();
  await tom.page.unrouteAll({ behavior: 'ignoreErrors' });
  await tom.page.waitForFunction(() => document.querySelector('#say').value === 'Thnaks');
  await tom.page.fill('#say', 'Thanks');
  await tom.page.keyboard.press('Enter');
  await bubble(asha, 'Thanks').locator('.when', { hasText: 'edited' }).waitFor();
  await menu(tom, 'Thanks', 'Info');
  await tom.page.locator('dialog[open] .versions', { hasText: 'Thnaks' }).waitFor();
  await tom.page.locator('dialog[open] [data-standing=seen]', { hasText: 'Asha Patel' }).waitFor();
  await tom.clean('message info');
  await tom.shot('info-desk-night');
  await tom.page.keyboard.press('Escape');
});

test('2 formatting is drawn here and told to other clients, and theirs is drawn without harm', async () => {
  await say(asha, '**Now**: `K+ 6.1`, see *ECG*\n- one\n- two', 'K+ 6.1, see');
  const rich = bubble(tom, 'K+ 6.1').locator('.rich');
  assert.deepEqual([await rich.locator('strong').textContent(), await rich.locator('code').textContent(), await rich.locator('li').count()], ['Now', 'K+ 6.1', 2]);
  const other = await login('liam');
  const room = await roomId(asha);
  const raw = (await other('GET', `rooms/${encodeURIComponent(room)}/messages?dir=b&limit=1`)).chunk[0].content;
  assert.equal(raw.body, '**Now**: `K+ 6.1`, see *ECG*\n- one\n- two');
  assert.match(raw.formatted_body, /<strong>Now<\/strong>.*<ul><li>one<\/li>/);
  await other('PUT', `rooms/${encodeURIComponent(room)}/send/m.room.message/x1`, { msgtype: 'm.text', body: 'from Element', format: 'org.matrix.custom.html',
    formatted_body: '<p>from <b>Element</b> <img src="https://evil.example/x.png" onerror="alert(1)"><script>alert(2)</script><a href="javascript:alert(3)">here</a></p>' });
  const theirs = bubble(tom, 'from Element').locator('.rich');
  await theirs.waitFor();
  assert.equal(await theirs.locator('img, script, a').count(), 0, 'something of it came through');
});

test('3 deleted for everyone, with who did it', async () => {
  await say(asha, 'Wrong patient, sorry');
  await bubble(tom, 'Wrong patient, sorry').waitFor();
  await menu(asha, 'Wrong patient, sorry', 'Delete for everyone');
  await asha.page.locator('dialog[open] .quote', { hasText: 'Wrong patient, sorry' }).waitFor(); // which one it is
  await asha.clean('delete?');
  await asha.page.locator('dialog[open] button.is-danger').click();
  await tom.page.locator('.bubble.is-deleted', { hasText: 'Deleted by Asha Patel' }).last().waitFor();
  await asha.page.locator('.bubble.is-deleted', { hasText: 'Deleted by you' }).last().waitFor();
  assert.equal(await tom.page.locator('.bubble', { hasText: 'Wrong patient' }).count(), 0);
});

test('4 an answer quotes, and its quote leads back; a link opens at the message', async () => {
  await menu(tom, 'Bed 4 goes at ten', 'Reply');
  await tom.page.fill('#say', 'Lift is booked');
  await tom.page.keyboard.press('Enter');
  await bubble(asha, 'Lift is booked').locator('.quote', { hasText: 'Bed 4 goes at ten' }).click();
  await asha.page.locator('article.is-found', { hasText: 'Bed 4 goes at ten' }).waitFor();
  await menu(tom, 'Bed 4 goes at ten', 'Copy link');
  const link = await tom.page.evaluate(() => navigator.clipboard.readText());
  // A finger that draws a message to the right answers it; a short one, or one that scrolls, does not.
  const finger = await asha.context.newCDPSession(asha.page);
  const draw = async (words, x, y) => {
    await bubble(asha, words).locator('.bubble').scrollIntoViewIfNeeded();
    const at = await bubble(asha, words).locator('.bubble').boundingBox();
    const [fromX, fromY] = [at.x + 40, at.y + at.height / 2];
    await finger.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x: fromX, y: fromY }] });
    for (const part of [0.3, 0.6, 1]) await finger.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: fromX + x * part, y: fromY + y * part }] });
    await finger.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  };
  await draw('Lift is booked', 30, 0);
  await draw('Lift is booked', 90, 60);
  assert.equal(await asha.page.locator('.replying').count(), 0, 'half a swipe answered');
  await draw('Lift is booked', 100, 4);
  await asha.page.locator('.replying', { hasText: 'Lift is booked' }).waitFor();
  assert.equal(await asha.page.evaluate(() => document.activeElement.id), 'say');
  assert.equal(await asha.page.locator('article.say[style*=translate]').count(), 0, 'the message stayed where the finger left it');
  await asha.page.click('button[aria-label="Do not reply to this message"]');
  assert.match(link, /#\/chats\/[^/]+\/at\/[^/]+$/);
  assert.ok(!/Bed|ten/.test(decodeURIComponent(link)), 'the link says what was said');
  await tom.open('SMITH, Ann');
  await tom.page.goto(link);
  await tom.page.locator('article.is-found', { hasText: 'Bed 4 goes at ten' }).waitFor();
  // One that is far back opens with what stands around it, and joins on to the newest when one goes on.
  const room = await roomId(tom);
  const old = await tom.page.evaluate(async (r) => {
    const base = `/_matrix/client/v3/rooms/${encodeURIComponent(r)}`;
    let from = '';
    let ev;
    for (let i = 0; i < 3; i++) {
      const page = await (await fetch(`${base}/messages?dir=b&limit=150${from}`)).json();
      ev = page.chunk.filter((e) => e.type === 'm.room.message' && e.content.msgtype === 'm.text' && !e.content['m.relates_to']).at(-1);
      from = `&from=${page.end}`;
    }
    return ev;
  }, room);
  await tom.go(`#/chats/${encodeURIComponent(room)}/at/${encodeURIComponent(old.event_id)}`);
  await tom.page.locator(`article.is-found[data-event="${old.event_id}"]`).waitFor();
  await tom.clean('a message of the past');
  await tom.page.click('.jump');
  await tom.page.waitForSelector('.stream-scroll[data-at-bottom=true]');
  await bubble(tom, 'Lift is booked').waitFor();
});

test('5 stars are one’s own, pins are everybody’s', async () => {
  await menu(asha, 'Bed 4 goes at ten', 'Star');
  await menu(tom, 'Lift is booked', 'Pin for everyone');
  await asha.page.locator('.pins', { hasText: 'Lift is booked' }).waitFor();
  await asha.page.locator('.note', { hasText: 'Tom Reid pinned a message' }).last().waitFor();
  await asha.clean('conversation with a pin');
  await asha.wide();
  await asha.shot('pins-phone-day');
  await asha.page.click('.pins button.grow');
  await asha.page.locator('article.is-found', { hasText: 'Lift is booked' }).waitFor();
  await asha.go('#/starred');
  await asha.page.locator('.starred', { hasText: 'Bed 4 goes at ten' }).waitFor();
  await asha.clean('starred');
  await asha.shot('starred-phone-day');
  await asha.page.locator('.starred a').first().click();
  await asha.page.locator('article.is-found', { hasText: 'Bed 4 goes at ten' }).waitFor();
  assert.equal(await tom.page.locator('.bubble .when', { hasText: 'Starred' }).count(), 0);
  const other = await login('asha');
  const room = await roomId(asha);
  const data = await other('GET', `user/${encodeURIComponent('@asha:' + (await other('GET', 'account/whoami')).user_id.split(':')[1])}/rooms/${encodeURIComponent(room)}/account_data/uk.wardline.starred`);
  assert.equal(Object.keys(data.events).length, 1);
  await tom.page.click('button[aria-label="Unpin this message"]');
  await tom.clean('unpin?');
  await tom.page.locator('.pins button', { hasText: 'Keep it' }).click();
  await tom.page.click('button[aria-label="Unpin this message"]');
  await tom.page.locator('.pins button', { hasText: 'Unpin' }).click();
  await asha.page.waitForSelector('.pins', { state: 'detached' });
});

test('6 a thread: opened, answered on both sides, counted', async () => {
  await menu(tom, 'Bed 4 goes at ten', 'Reply in a thread');
  await tom.page.waitForSelector('.is-thread #say-thread');
  await tom.page.fill('#say-thread', 'Which lift?');
  await tom.page.keyboard.press('Enter');
  await tom.page.locator('.is-thread article.say', { hasText: 'Which lift?' }).and(sent(tom)).waitFor();
  await tom.clean('thread at a desk');
  await tom.shot('thread-desk-night');
  const line = bubble(asha, 'Bed 4 goes at ten').locator('.thread-line');
  await line.waitFor();
  await line.locator('.count', { hasText: '1' }).waitFor();
  assert.equal(await asha.page.locator('.split-main .bubble > p', { hasText: 'Which lift?' }).count(), 0, 'the answer stands in the conversation too');
  await line.click();
  await asha.page.locator('.is-thread article.say', { hasText: 'Which lift?' }).waitFor();
  await asha.page.fill('#say-thread', 'The one by the kitchen');
  await asha.page.click('.is-thread button[aria-label=Send]');
  await tom.page.locator('.is-thread article.say', { hasText: 'by the kitchen' }).waitFor();
  await asha.clean('thread on a phone');
  await asha.wide();
  await asha.shot('thread-phone-day');
  await asha.page.click('button[aria-label="Back to the conversation"]');
  await line.locator('b', { hasText: '2 replies' }).waitFor();
  await asha.page.waitForFunction(() => document.querySelector('.thread-line .count') === null);
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.is-thread', { state: 'detached' });
});

test('7 forwarded where it may go, and told why where not', async () => {
  await tom.go('#/chats');
  await tom.open('SMITH, Ann');
  await menu(tom, 'ECG back to her usual', 'Forward');
  await tom.page.locator('dialog[open] .targets .item', { hasText: ward }).waitFor();
  const other = tom.page.locator('dialog[open] .targets .item', { hasText: 'JONES, Raj' });
  await other.locator('.caption', { hasText: 'about another patient' }).waitFor();
  assert.equal(await other.getAttribute('aria-disabled'), 'true');
  await tom.clean('forward');
  await tom.shot('forward-desk-night');
  await tom.page.locator('dialog[open] .targets .item', { hasText: ward }).click();
  await tom.page.locator('dialog[open] button.is-primary').click();
  await tom.page.locator('.toast', { hasText: 'Forwarded to 1 conversation' }).waitFor();
  const came = bubble(asha, 'ECG back to her usual');
  await came.locator('.forwarded', { hasText: 'Forwarded from Tom Reid' }).waitFor();
  await asha.shot('forwarded-phone-day');
  const refused = await tom.page.evaluate(async () => {
    const ask = async (path, body) => { const r = await fetch(`/_wardline/v1${path}`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }); return { status: r.status, ...(await r.json()) }; };
    const { room_id } = await ask('/groups', { name: 'Pub quiz', class: 'social', people: [], posts: [], patient: null, txn: 'q1' });
    const from = decodeURIComponent(location.hash.split('/')[2]);
    const page = await (await fetch(`/_matrix/client/v3/rooms/${encodeURIComponent(from)}/messages?dir=b&limit=30`)).json();
    const ev = page.chunk.find((e) => e.content.body?.includes('ECG back'));
    return ask('/forwards', { from, event_id: ev.event_id, to: room_id, txn: 'q2' });
  });
  assert.deepEqual([refused.status, refused.errcode], [403, 'UK_WARDLINE_CLASS']);
});

test('8 any emoji can answer a message, by keyboard', async () => {
  await tom.go('#/chats');
  await tom.open(ward);
  await menu(tom, 'Lift is booked');
  await tom.page.locator('dialog[open] .react', { hasText: 'More' }).click();
  await tom.page.waitForSelector('#emoji-find');
  await tom.clean('emoji');
  await tom.shot('emoji-desk-night');
  await tom.page.focus('#emoji-find');
  await tom.page.keyboard.type('party popper');
  await tom.page.keyboard.press('Enter');
  await bubble(asha, 'Lift is booked').locator('.react', { hasText: '🎉' }).waitFor();
});

async function login(user) {
  const ask = async (method, path, body, token) => (await fetch(`${server.url}/_matrix/client/v3/${path}`, { method, headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, ...(body ? { body: JSON.stringify(body) } : {}) })).json();
  const { access_token } = await ask('POST', 'login', { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password });
  return (method, path, body) => ask(method, path, body, access_token);
}

async function roomId(p) {
  return p.page.evaluate(() => decodeURIComponent(location.hash.split('/')[2]));
}

test('9 narrow, and nothing went wrong', async () => {
  await asha.page.setViewportSize({ width: 320, height: 640 });
  await asha.wide();
  await menu(asha, 'Lift is booked');
  await asha.wide();
  await asha.shot('menu-320');
  for (const p of [asha, tom]) p.quiet();
});
