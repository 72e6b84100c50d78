// Photos: taken in the app, chosen several at once, with words; looked at one after the other. A page comes through all of it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { desk, lastLooks, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;
let liam;
let tom;

before(async () => {
  server = await startDemo(['-urgent-rung', '120s']);
  browser = await launch();
  liam = await Person.arrive(browser, server.url, 'liam', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk, { theme: 'night' });
});

after(async () => {
  await lastLooks('media');
  await browser?.close();
  await server?.stop();
});

function picture(p, hue) {
  return p.page.evaluate(async (h) => {
    const c = document.createElement('canvas');
    c.width = 1200;
    c.height = 800;
    const ink = c.getContext('2d');
    ink.fillStyle = `hsl(${h} 60% 55%)`;
    ink.fillRect(0, 0, 1200, 800);
    ink.fillStyle = '#fff';
    ink.fillRect(100, 100, 300, 200);
    return c.toDataURL('image/jpeg').split(',')[1];
  }, hue).then((b) => ({ name: `IMG_${hue}.jpg`, mimeType: 'image/jpeg', buffer: Buffer.from(b, 'base64') }));
}

test('1 the app takes a photo with its own camera, gives it words, and lets go of the camera', async () => {
  await liam.signIn();
  await tom.signIn();
  await liam.open('SMITH, Ann');
  await tom.open('SMITH, Ann');
  await liam.page.click('button[aria-label="Take a photo"]');
  await liam.page.waitForFunction(() => document.querySelector('.attach video')?.videoWidth > 0);
  await liam.clean('camera');
  await liam.shot('media-camera');
  await liam.page.click('button[aria-label="Take the photo"]');
  await liam.page.waitForSelector('.attach .stage img');
  assert.equal(await liam.page.locator('.attach video').count(), 0, 'the camera is still on');
  await liam.page.fill('.attach .words', 'Wound, day 3, no slough');
  await liam.clean('photo before it is sent');
  await liam.wide();
  await liam.shot('media-attach');
  await liam.page.keyboard.press('Escape');
  await liam.page.locator('.attach [role=alert]', { hasText: 'Throw this photo away?' }).waitFor();
  await liam.page.click('.attach >> text=Keep');
  await liam.page.click('.attach button[type=submit]');
  await liam.page.waitForSelector('.attach', { state: 'detached' });
  await tom.message('Wound, day 3').locator('a[data-photo] img').waitFor();
});

test('2 several are chosen, one is taken out, and a page is answered over them without losing any', async () => {
  await liam.page.setInputFiles('[data-pick=photo]', [await picture(liam, 10), await picture(liam, 120), await picture(liam, 240)]);
  await liam.page.locator('.attach >> text=Send 3').waitFor();
  // The first is shown and stays so while the others are read: words written meanwhile belong to it.
  assert.equal(await liam.page.getAttribute('button[aria-label="Photo 1"]', 'aria-current'), 'true');
  await liam.page.click('button[aria-label="Photo 2"]');
  await liam.page.click('button[aria-label="Take out photo 2"]');
  await liam.page.locator('.attach >> text=Send 2').waitFor();
  await liam.page.fill('.attach .words', 'second of two');
  await liam.shot('media-several');
  await tom.page.evaluate(async () => { await fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ txn: 'm1', post: 'po_med_spr', urgency: 'urgent', patient: 'pt_jones', room: null, where: 'Bed 12', what: 'NEWS2 9', need: 'attend', callback: '4417' }) }); });
  await liam.page.waitForSelector('.alarm');
  const onTop = await liam.page.evaluate(() => document.elementFromPoint(innerWidth / 2, innerHeight - 60)?.closest('.alarm') !== null);
  assert.ok(onTop, 'the page lies below the photos');
  await liam.clean('a page over the photos');
  await liam.page.keyboard.press('Escape');
  await liam.page.keyboard.press('Escape');
  await liam.page.waitForSelector('.alarm');
  await liam.page.click('.alarm >> text=In 5 min');
  await liam.page.waitForSelector('.alarm', { state: 'detached' });
  await liam.page.locator('.attach >> text=Send 2').waitFor();
  assert.equal(await liam.page.inputValue('.attach .words'), 'second of two');
  await liam.page.click('.attach button[type=submit]');
  await tom.message('second of two').locator('a[data-photo] img').waitFor();
});

test('3 photos are looked at one after the other, turned, and marked with who looks', async () => {
  await tom.message('second of two').locator('a[data-photo]').click();
  await tom.page.waitForFunction(() => document.querySelector('.viewer img')?.naturalWidth > 0);
  await tom.page.waitForSelector('.watermark [data-mark^="Tom Reid"]');
  await tom.clean('viewer');
  await tom.shot('media-viewer');
  const first = await tom.page.getAttribute('.viewer img', 'src');
  await tom.page.keyboard.press('ArrowLeft');
  await tom.page.waitForFunction((s) => document.querySelector('.viewer img')?.getAttribute('src') !== s, first);
  await tom.page.click('.viewer >> text=Turn');
  await tom.page.waitForFunction(() => document.querySelector('.viewer img')?.style.transform === 'rotate(90deg)');
  const out = await tom.page.evaluate(() => { const a = document.querySelector('.viewer img').getBoundingClientRect(); const b = document.querySelector('.viewer .canvas').getBoundingClientRect(); return a.width - b.width > 1 || a.height - b.height > 1; });
  assert.ok(!out, 'the turned photo is larger than its place');
  await tom.page.click('.viewer >> text=Next');
  await tom.page.waitForFunction((s) => document.querySelector('.viewer img')?.getAttribute('src') === s, first);
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.viewer', { state: 'detached' });
  assert.equal(await tom.page.evaluate(() => document.activeElement.closest('article')?.textContent.includes('second of two')), true, 'the cursor is not back on the photo');
  // On a phone by swiping; and without a network what was looked at is there.
  await liam.message('second of two').locator('a[data-photo]').click();
  await liam.page.waitForFunction(() => document.querySelector('.viewer img')?.naturalWidth > 0);
  const was = await liam.page.getAttribute('.viewer img', 'src');
  await liam.page.mouse.move(100, 400);
  await liam.page.mouse.down();
  await liam.page.mouse.move(320, 405, { steps: 5 });
  await liam.page.mouse.up();
  await liam.page.waitForFunction((s) => document.querySelector('.viewer img')?.getAttribute('src') !== s && document.querySelector('.viewer img')?.naturalWidth > 0, was);
  await liam.page.setViewportSize({ width: 320, height: 640 });
  await liam.wide();
  await liam.shot('media-viewer-320');
  await liam.context.setOffline(true);
  await liam.page.evaluate(() => history.back());
  await liam.page.waitForSelector('.viewer', { state: 'detached' });
  await liam.page.reload();
  await liam.message('second of two').locator('a[data-photo]').click();
  await liam.page.waitForFunction(() => document.querySelector('.viewer img')?.naturalWidth > 0);
  await liam.context.setOffline(false);
  liam.quiet();
  tom.quiet();
});
