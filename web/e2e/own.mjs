// What is somebody's own: their photo and status, how they are told of a conversation, and messages that come back to them.

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
  server = await startDemo(['-presence']);
  browser = await launch();
  asha = await Person.arrive(browser, server.url, 'asha', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk, { theme: 'night' });
});

after(async () => {
  await lastLooks('own');
  await browser?.close();
  await server?.stop();
});

// withPlace is a JPEG that says where it was taken, as phones make them.
async function withPlace(p) {
  const plain = await p.page.evaluate(() => {
    const c = document.createElement('canvas');
    c.width = 900;
    c.height = 1200;
    const ink = c.getContext('2d');
    ink.fillStyle = '#7a4';
    ink.fillRect(0, 0, 900, 1200);
    ink.fillStyle = '#fff';
    ink.fillRect(300, 400, 300, 300);
    return c.toDataURL('image/jpeg').split(',')[1];
  });
  const jpeg = Buffer.from(plain, 'base64');
  const exif = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), Buffer.from('GPS 51.4816N SECRETPLACE', 'latin1')]);
  const head = Buffer.from([0xff, 0xe1, 0, exif.length + 2]);
  return Buffer.concat([jpeg.subarray(0, 2), head, exif, jpeg.subarray(2)]);
}

test('1 a photo is cut, carries no notes of the camera, and is shown to colleagues', async () => {
  await asha.signIn();
  await tom.signIn();
  await asha.go('#/more');
  await asha.page.locator('a.item', { hasText: 'Your photo and status' }).click();
  await asha.page.getByText('The trust keeps names and roles').waitFor();
  await asha.page.locator('[data-pick=face]').setInputFiles({ name: 'me.jpg', mimeType: 'image/jpeg', buffer: await withPlace(asha) });
  await asha.page.locator('[role=img] canvas').waitFor();
  await asha.page.locator('#crop-closer').focus();
  for (let i = 0; i < 6; i++) await asha.page.keyboard.press('ArrowRight');
  await asha.page.locator('#crop-y').focus();
  for (let i = 0; i < 10; i++) await asha.page.keyboard.press('ArrowLeft');
  await asha.clean('cutting a photo');
  await asha.wide();
  await asha.shot('own-crop-phone');
  await asha.page.getByRole('button', { name: 'Use this' }).click();
  await asha.page.locator('[role=status]', { hasText: 'Your photo is shown' }).waitFor();
  await asha.page.locator('.face.is-large img.portrait').waitFor();
  const kept = await asha.page.evaluate(async () => {
    const me = (await (await fetch('/_matrix/client/v3/account/whoami')).json()).user_id;
    const { avatar_url: uri } = await (await fetch(`/_matrix/client/v3/profile/${encodeURIComponent(me)}/avatar_url`)).json();
    const file = await fetch(`/_matrix/client/v1/media/download/${uri.slice(6)}`);
    return { uri, bytes: new TextDecoder('latin1').decode(await file.arrayBuffer()) };
  });
  assert.match(kept.uri, /^mxc:\/\//);
  assert.ok(!/SECRETPLACE|Exif/.test(kept.bytes), 'the camera’s notes are in the photo that was kept');
  await tom.open(ward);
  await tom.page.locator('article:not(.is-own) .face img.portrait').first().waitFor();
  await tom.shot('own-photo-desk-night');
});

test('2 a status is seen in the card, the header and by other apps, and is taken back', async () => {
  await asha.page.locator('label.chip', { hasText: 'In theatre' }).click();
  await asha.page.fill('#status-words', 'bleep is with the ward clerk');
  await asha.page.selectOption('#status-end', '120');
  await asha.clean('choosing a status');
  await asha.wide();
  await asha.shot('own-status-phone');
  await asha.page.getByRole('button', { name: 'Set my status' }).click();
  await asha.page.locator('[data-status]', { hasText: 'In theatre: bleep is with the ward clerk, until' }).waitFor();
  const user = await asha.page.evaluate(async () => (await (await fetch('/_matrix/client/v3/account/whoami')).json()).user_id);
  await tom.go(`#/more/person/${encodeURIComponent(user)}`);
  await tom.page.locator('[data-status]', { hasText: 'In theatre: bleep is with the ward clerk' }).waitFor();
  await tom.clean('a card with a status');
  await tom.shot('own-card-desk-night');
  await tom.page.getByRole('button', { name: 'Message' }).click();
  await tom.page.locator('.split-main .who', { hasText: 'In theatre: bleep' }).waitFor();
  await tom.shot('own-header-desk-night');
  const elsewhere = await tom.page.evaluate(async (u) => (await fetch(`/_matrix/client/v3/presence/${encodeURIComponent(u)}/status`)).json(), user);
  assert.match(elsewhere.status_msg, /^In theatre: bleep is with the ward clerk \(until \d\d:\d\d\)$/);
  await asha.page.getByRole('button', { name: 'Take it back' }).click();
  await asha.page.locator('[role=status]', { hasText: 'taken back' }).waitFor();
  const after = await tom.page.evaluate(async (u) => (await fetch(`/_matrix/client/v3/presence/${encodeURIComponent(u)}/status`)).json(), user);
  assert.equal(after.status_msg ?? '', '');
  await asha.page.getByRole('button', { name: 'Remove it' }).click();
  await asha.page.locator('.face.is-large img.portrait').waitFor({ state: 'detached' });
});

async function told(p, name, choice) {
  await p.page.locator('.with-menu', { hasText: name }).first().locator('.row-more').focus();
  await p.page.keyboard.press('Enter');
  await p.page.locator('dialog[open] .item', { hasText: 'Notifications' }).click();
  if (choice) await p.page.locator('dialog[open] .item', { hasText: choice }).click();
}

const rules = (p) => p.page.evaluate(async () => {
  const { global: g } = await (await fetch('/_matrix/client/v3/pushrules/')).json();
  return ['override', 'room'].map((k) => (g[k] ?? []).filter((r) => r.rule_id.startsWith('!')).map((r) => r.actions.length));
});

test('3 a conversation is told of in full, by name only, or not at all for an hour', async () => {
  await tom.go('#/chats');
  await told(tom, ward);
  await tom.clean('levels');
  await tom.shot('own-levels-desk-night');
  await tom.page.locator('dialog[open] .item', { hasText: 'Only what names you' }).click();
  await tom.page.locator('.toast', { hasText: 'only of what names you' }).waitFor();
  assert.deepEqual(await rules(tom), [[], [0]]);
  await told(tom, ward, 'Mute for 1 hour');
  await tom.page.locator('.list-pane .row', { hasText: ward }).locator('.sign', { hasText: 'Muted' }).waitFor();
  assert.deepEqual(await rules(tom), [[0], []]);
  await told(tom, ward);
  await tom.page.locator('dialog[open]', { hasText: 'muted until' }).waitFor();
  await tom.page.locator('dialog[open] .item', { hasText: 'All messages' }).click();
  await tom.page.locator('.list-pane .row', { hasText: ward }).locator('.sign', { hasText: 'Muted' }).waitFor({ state: 'detached' });
  assert.deepEqual(await rules(tom), [[], []]);
});

test('4 a message comes back when it was asked to, and is put away', async () => {
  await tom.open(ward);
  await tom.say('Chase the CT report.');
  await tom.page.locator('article.is-own[data-state=sent], article.is-own[data-state=seen]', { hasText: 'Chase the CT report.' }).waitFor();
  await tom.menu('Chase the CT report.');
  await tom.page.locator('dialog[open] .item', { hasText: 'Remind me' }).click();
  await tom.page.locator('dialog[open] h2', { hasText: 'Remind me' }).waitFor();
  await tom.clean('choosing when to be reminded');
  await tom.shot('own-remind-desk-night');
  await tom.page.locator('dialog[open] .item', { hasText: 'In 30 minutes' }).click();
  await tom.page.locator('.toast', { hasText: 'You are reminded at' }).waitFor();
  await tom.menu('Chase the CT report.');
  await tom.page.locator('dialog[open] .item', { hasText: 'Reminder at' }).waitFor();
  await tom.page.keyboard.press('Escape');
  // Half an hour is too long for a test, so the same reminder is set to the soonest that the server takes.
  const soon = await tom.page.evaluate(async () => {
    const { reminders: [r] } = await (await fetch('/_wardline/v1/reminders')).json();
    const path = `/_wardline/v1/rooms/${encodeURIComponent(r.room_id)}/events/${encodeURIComponent(r.event_id)}/reminder`;
    const put = (at) => fetch(path, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ at }) }).then((a) => a.status);
    return { past: await put(Date.now() - 1000), soon: await put(Date.now() + 8_000) };
  });
  assert.deepEqual(soon, { past: 400, soon: 200 });
  await tom.page.locator('[data-reminder]', { hasText: 'Chase the CT report.' }).waitFor({ timeout: 40_000 });
  await tom.clean('a reminder');
  await tom.shot('own-reminder-desk-night');
  await tom.page.locator('[data-reminder] a').click();
  await tom.page.locator('article.is-found', { hasText: 'Chase the CT report.' }).waitFor();
  await tom.page.getByRole('button', { name: 'Put this reminder away' }).click();
  await tom.page.locator('[data-reminder]').waitFor({ state: 'detached' });
  for (const p of [asha, tom]) p.quiet();
});
