// Voice notes, films and drawing on photos: spoken and filmed with the browser's own (here: pretended) microphone and camera.

import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;
let liam;
let tom;

before(async () => {
  server = await startDemo();
  browser = await launch();
  liam = await Person.arrive(browser, server.url, 'liam', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk, { theme: 'night' });
});

after(async () => {
  await lastLooks('clips');
  await browser?.close();
  await server?.stop();
});

// content is the newest message of a kind, as any Matrix client gets it.
function content(p, type) {
  return p.page.evaluate(async (t) => {
    const room = decodeURIComponent(location.hash.split('/')[2]);
    const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.message'], contains_url: true }));
    const r = await (await fetch(`/_matrix/client/v3/rooms/${encodeURIComponent(room)}/messages?dir=b&limit=20&filter=${filter}`)).json();
    return r.chunk.find((e) => e.content.msgtype === t)?.content;
  }, type);
}

async function spoken(p, seconds) {
  await p.page.waitForSelector('[data-stage=record]');
  await p.page.waitForFunction((s) => { const m = /(\d+):(\d+)/.exec(document.querySelector('.voice-bar .time')?.textContent ?? ''); return m && Number(m[1]) * 60 + Number(m[2]) >= s; }, seconds);
}

test('1 a voice note is spoken, heard before it goes, and sent', async () => {
  await liam.signIn();
  await tom.signIn();
  await liam.open('SMITH, Ann');
  await tom.open('SMITH, Ann');
  await liam.page.click('button[aria-label="Speak a voice note"]');
  await spoken(liam, 2);
  await liam.clean('a voice note being spoken');
  await liam.wide();
  await liam.shot('clips-voice-record');
  await liam.page.click('button[aria-label="Stop and listen"]');
  await liam.page.waitForSelector('[data-stage=hear] [data-voice]');
  await liam.clean('a voice note before it is sent');
  await liam.shot('clips-voice-hear');
  await liam.page.click('[data-stage=hear] button[aria-label^="Play the voice note"]');
  await liam.page.waitForSelector('[data-stage=hear] [data-playing=true]');
  await liam.page.click('button[aria-label="Send the voice note"]');
  await liam.page.waitForSelector('.voice-bar', { state: 'detached' });
  await tom.page.locator('article.say [data-voice]').last().waitFor();
  const c = await content(liam, 'm.audio');
  assert.match(c.body, /^Voice note, 0:0\d$/);
  assert.ok(c.info.duration >= 2000 && c.info.size > 1000, JSON.stringify(c.info));
  assert.ok(c['org.matrix.msc3245.voice'] && c['org.matrix.msc1767.audio'].waveform.length > 5);
});

test('2 it is played, moved about in by keys, faster, and only one plays at a time', async () => {
  const note = tom.page.locator('article.say [data-voice]').last();
  await note.locator('button[aria-label^="Play the voice note"]').click();
  await tom.page.waitForSelector('article.say [data-voice][data-playing=true]');
  await note.locator('.speed').click();
  await note.locator('.speed', { hasText: '1.5×' }).waitFor();
  const line = note.locator('[role=slider]');
  await line.focus();
  await tom.page.keyboard.press('End');
  await tom.page.waitForSelector('article.say [data-voice][data-playing=false]');
  await tom.page.keyboard.press('Home');
  await line.and(tom.page.locator('[aria-valuenow="0"]')).waitFor();
  await tom.page.keyboard.press('ArrowRight');
  await line.and(tom.page.locator('[aria-valuenow="2"]')).waitFor();
  await tom.clean('a voice note');
  await tom.shot('clips-voice-desk');
  // A second one stops the first.
  await tom.page.click('button[aria-label="Speak a voice note"]');
  await spoken(tom, 1);
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('[data-stage=hear], [data-stage=none]');
  await tom.page.click('.voice-bar > button');
  await tom.page.waitForSelector('.voice-bar', { state: 'detached' });
  await liam.page.locator('article.say [data-voice]').last().scrollIntoViewIfNeeded();
  await liam.shot('clips-voice-phone');
});

test('3 holding speaks, letting go stops; another conversation does not lose it; a refused microphone is explained', async () => {
  const b = await liam.page.locator('button[aria-label="Speak a voice note"]').boundingBox();
  await liam.page.mouse.move(b.x + b.width / 2, b.y + b.height / 2);
  await liam.page.mouse.down();
  await spoken(liam, 1);
  await liam.shot('clips-voice-hold');
  await liam.page.mouse.up();
  await liam.page.waitForSelector('[data-stage=hear]');
  await liam.page.click('a[aria-label*="Back"], button[aria-label*="Back"]');
  await liam.open('Ward 7 doctors and nurses');
  await liam.page.waitForSelector('button[aria-label="Speak a voice note"]');
  await liam.page.click('a[aria-label*="Back"], button[aria-label*="Back"]');
  await liam.open('SMITH, Ann');
  await liam.page.waitForSelector('[data-stage=hear] [data-voice]');
  await liam.page.click('button[aria-label="Throw the voice note away"]');
  await liam.page.waitForSelector('.voice-bar', { state: 'detached' });
  await tom.page.evaluate(() => { navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError')); });
  await tom.page.click('button[aria-label="Speak a voice note"]');
  await tom.page.locator('.voice-bar [role=alert]', { hasText: 'The microphone is not allowed' }).waitFor();
  await tom.clean('a refused microphone');
  await tom.shot('clips-voice-refused');
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.voice-bar', { state: 'detached' });
});

test('4 without a network a voice note waits, and goes by itself', async () => {
  await liam.context.setOffline(true);
  await liam.page.click('button[aria-label="Speak a voice note"]');
  await spoken(liam, 1);
  await liam.page.click('button[aria-label="Stop and listen"]');
  await liam.page.click('button[aria-label="Send the voice note"]');
  const mine = liam.page.locator('article.is-own', { has: liam.page.locator('[data-voice]') }).last();
  await mine.and(liam.page.locator('[data-state=wait], [data-state=sending]')).waitFor();
  await liam.context.setOffline(false);
  await mine.and(liam.page.locator('[data-state=sent], [data-state=seen]')).waitFor({ timeout: 40_000 });
});

test('5 a film is taken with the app’s camera, looked at, and played by somebody else', async () => {
  await liam.page.click('button[aria-label="Take a photo"]');
  await liam.page.waitForFunction(() => document.querySelector('.attach video')?.videoWidth > 0);
  await liam.page.click('.attach >> text=Video');
  await liam.clean('camera for films');
  await liam.page.click('button[aria-label^="Film"]');
  await liam.page.waitForFunction(() => /0:0[1-9]/.test(document.querySelector('.attach [role=timer]')?.textContent ?? ''));
  await liam.shot('clips-film-record');
  await liam.page.click('button[aria-label="Stop filming"]');
  await liam.page.waitForFunction(() => document.querySelector('.attach .stage video[controls]')?.readyState >= 1, undefined, { timeout: 30_000 })
    .catch(async (e) => assert.fail(`${e.message}: ${await liam.page.locator('.attach').innerText()} ${await liam.page.evaluate(() => JSON.stringify([...document.querySelectorAll('.attach video')].map((v) => [v.readyState, v.networkState, v.error?.message, v.controls])))}`));
  await liam.page.fill('.attach .words', 'Gait, three steps');
  await liam.clean('film before it is sent');
  await liam.wide();
  await liam.shot('clips-film-attach');
  await liam.page.click('.attach button[type=submit]');
  await liam.page.waitForSelector('.attach', { state: 'detached' });
  const box = tom.message('Gait, three steps').locator('a[data-photo=film]');
  await box.locator('img').waitFor();
  const c = await content(liam, 'm.video');
  assert.ok(c.info.duration > 500 && c.info.w > 0 && c.info.thumbnail_url.startsWith('mxc://') && c.info['uk.wardline.thumbhash'].length > 10, JSON.stringify(c));
  assert.match(c['uk.wardline.original'].sha256, /^[0-9a-f]{64}$/);
  await box.click();
  await tom.page.waitForFunction(() => document.querySelector('.viewer video')?.readyState >= 2);
  await tom.page.evaluate(() => document.querySelector('.viewer video').play());
  await tom.page.waitForFunction(() => document.querySelector('.viewer video').currentTime > 0);
  await tom.page.waitForSelector('.watermark [data-mark^="Tom Reid"]');
  await tom.clean('film in the viewer');
  await tom.shot('clips-film-viewer');
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.viewer', { state: 'detached' });
});

// dark is how much of a picture that anybody can fetch is black, in the middle.
function middle(p, uri) {
  return p.page.evaluate(async (u) => {
    const [, host, id] = /^mxc:\/\/([^/]+)\/(.+)$/.exec(u);
    const b = await createImageBitmap(await (await fetch(`/_matrix/client/v1/media/download/${host}/${id}`)).blob());
    const ink = new OffscreenCanvas(b.width, b.height).getContext('2d');
    ink.drawImage(b, 0, 0);
    return [...ink.getImageData(Math.round(b.width / 2), Math.round(b.height / 2), 1, 1).data].slice(0, 3);
  }, uri);
}

function picture(p) {
  return p.page.evaluate(() => {
    const c = document.createElement('canvas');
    c.width = 1200;
    c.height = 800;
    const ink = c.getContext('2d');
    ink.fillStyle = '#cc3344';
    ink.fillRect(0, 0, 1200, 800);
    ink.fillStyle = '#ffeecc';
    ink.fillRect(400, 250, 400, 300);
    return c.toDataURL('image/jpeg').split(',')[1];
  }).then((b) => ({ name: 'IMG_1.jpg', mimeType: 'image/jpeg', buffer: Buffer.from(b, 'base64') }));
}

test('6 what is blacked out before sending is gone from every copy; an arrow can be looked through', async () => {
  await liam.page.setInputFiles('[data-pick=photo]', [await picture(liam)]);
  await liam.page.click('button[aria-label^="Black out or draw"]');
  await liam.page.waitForSelector('.marks svg[data-marks="0"]');
  // By keys: a box into the middle, wider, undone and done again; then an arrow.
  await liam.page.click('[data-add]');
  await liam.page.waitForFunction(() => document.activeElement?.getAttribute('data-item') === '0');
  await liam.page.keyboard.press('Shift+ArrowRight');
  await liam.page.keyboard.press('Delete');
  await liam.page.waitForSelector('.marks svg[data-marks="0"]');
  await liam.page.click('button[aria-label=Undo]');
  await liam.page.waitForSelector('.marks svg[data-marks="1"]');
  await liam.page.click('.marks >> text=Arrow');
  const box = await liam.page.locator('.marks svg[data-marks]').boundingBox();
  await liam.page.mouse.move(box.x + box.width * 0.1, box.y + box.height * 0.45);
  await liam.page.mouse.down();
  await liam.page.mouse.move(box.x + box.width * 0.3, box.y + box.height * 0.5, { steps: 4 });
  await liam.page.mouse.up();
  await liam.page.waitForSelector('.marks svg[data-marks="2"]');
  await liam.clean('drawing on a photo');
  await liam.wide();
  await liam.shot('clips-marks');
  await liam.page.click('.marks >> text=Done');
  await liam.page.waitForSelector('.marks', { state: 'detached' });
  await liam.page.fill('.attach .words', 'Left shin, arrow at the edge, @Tom Reid');
  await liam.page.click('.attach button[type=submit]');
  await liam.page.waitForSelector('.attach', { state: 'detached' });
  await tom.message('Left shin').locator('a[data-photo] img').waitFor();
  const c = await content(liam, 'm.image');
  assert.deepEqual(c['m.mentions'], { user_ids: ['@tom:st-elsewhere'] });
  assert.equal(c['uk.wardline.layers'].marks.length, 1, JSON.stringify(c));
  assert.ok(c.info['uk.wardline.thumbhash'].length > 10 && /^[0-9a-f]{64}$/.test(c['uk.wardline.original'].sha256), JSON.stringify(c));
  for (const uri of [c.url, c['uk.wardline.layers'].url]) {
    const rgb = await middle(liam, uri);
    assert.ok(rgb.every((v) => v < 24), `the middle of ${uri} is ${rgb}`);
  }
  await tom.message('Left shin').locator('a[data-photo]').click();
  await tom.page.waitForFunction(() => document.querySelector('.viewer img')?.naturalWidth > 0);
  const drawn = await tom.page.getAttribute('.viewer img', 'src');
  await tom.page.click('button[aria-label="Show what was drawn"]');
  await tom.page.waitForFunction((s) => document.querySelector('.viewer img')?.getAttribute('src') !== s && document.querySelector('.viewer img')?.naturalWidth > 0, drawn);
  await tom.clean('a photo without what was drawn');
});

test('7 drawing on a photo that was sent makes another, and leaves the first as it was', async () => {
  const before = await tom.page.getAttribute('.viewer img', 'src');
  await tom.page.click('button[aria-label="Draw on a copy"]');
  await tom.page.waitForSelector('.marks svg[data-marks="1"]');
  await tom.page.click('.marks >> text=Line');
  await tom.page.click('[data-add]');
  await tom.page.waitForSelector('.marks svg[data-marks="2"]');
  await tom.shot('clips-marks-desk');
  await tom.page.click('.marks >> text=Done');
  await tom.page.waitForSelector('.viewer', { state: 'detached' });
  const answer = liam.page.locator('article.say', { has: liam.page.locator('.quote') }).filter({ has: liam.page.locator('a[data-photo]') }).last();
  await answer.locator('a[data-photo] img').waitFor();
  const c = await content(liam, 'm.image');
  assert.equal(c['uk.wardline.layers'].marks.length, 2);
  assert.ok(before.endsWith(c['uk.wardline.layers'].url.split('/').pop()), 'it does not lie over the same photo');
  await liam.page.setViewportSize({ width: 320, height: 640 });
  await liam.wide();
  await liam.shot('clips-320');
  liam.quiet();
  tom.quiet();
});
