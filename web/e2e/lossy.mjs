// A bad network: a proxy between browser and server that loses three requests in ten, half of them after the server has done what they
// asked, and makes the rest slow. Everything must arrive, once, in order.

import assert from 'node:assert/strict';
import { createServer, request } from 'node:http';
import { after, before, test } from 'node:test';
import { desk, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

const ward = 'Ward 7 doctors and nurses';
let server;
let browser;
let net;
let asha;
let tom;

async function badNetwork(to) {
  let seed = 7;
  const dice = () => { seed = (seed * 1103515245 + 12345) % 2147483648; return seed / 2147483648; };
  const state = { loss: 0, slow: 0, lost: 0, asked: 0, open: new Set() };
  const http = createServer((req, res) => {
    const throwAway = state.loss > 0 && dice() < state.loss;
    const late = throwAway && dice() < 0.5;
    state.asked++;
    if (throwAway) state.lost++;
    if (throwAway && !late) {
      req.socket.destroy();
      return;
    }
    const on = request({ host: '127.0.0.1', port: new URL(to).port, path: req.url, method: req.method, headers: req.headers }, (answer) => {
      if (late) {
        answer.resume();
        answer.on('end', () => req.socket.destroy());
        return;
      }
      const go = () => { res.writeHead(answer.statusCode, answer.headers); answer.pipe(res); };
      if (state.slow > 0) setTimeout(go, state.slow);
      else go();
    });
    on.on('error', () => req.socket.destroy());
    res.on('close', () => on.destroy());
    req.pipe(on);
  });
  await new Promise((ok) => http.listen(0, '127.0.0.1', ok));
  state.url = `http://127.0.0.1:${http.address().port}`;
  state.stop = () => new Promise((ok) => { http.closeAllConnections(); http.close(ok); });
  return state;
}

before(async () => {
  server = await startDemo();
  browser = await launch();
  net = await badNetwork(server.url);
  asha = await Person.arrive(browser, net.url, 'asha', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk);
});

after(async () => {
  await asha?.shot('lossy-end').catch(() => undefined);
  await browser?.close();
  await net?.stop();
  await server?.stop();
});

test('with three requests in ten lost, messages and a photo arrive once and in order', async () => {
  await asha.signIn();
  await tom.signIn();
  await asha.open(ward);
  await tom.open(ward);
  net.loss = 0.3;
  net.slow = 150;
  for (let i = 1; i <= 12; i++) await asha.say(`over a bad line ${i}.`);
  const drawn = await asha.page.evaluate(() => document.querySelectorAll('article.is-own').length);
  assert.ok(drawn >= 12, `only ${drawn} bubbles are on the screen at once`);
  const photo = await asha.page.evaluate(() => {
    const c = document.createElement('canvas');
    c.width = 900;
    c.height = 600;
    const ink = c.getContext('2d');
    for (let i = 0; i < 400; i++) {
      ink.fillStyle = `hsl(${(i * 37) % 360} 70% 50%)`;
      ink.fillRect((i * 131) % 900, (i * 71) % 600, 80, 60);
    }
    return c.toDataURL('image/png').split(',')[1];
  });
  const photos = await tom.page.locator('a.photo').count();
  await asha.page.setInputFiles('[data-pick=photo]', { name: 'ecg.png', mimeType: 'image/png', buffer: Buffer.from(photo, 'base64') });
  await asha.page.click('dialog.attach button[type=submit]');
  await tom.message('over a bad line 12.').waitFor({ timeout: 60_000 });
  await asha.message('over a bad line 12.').and(asha.page.locator('[data-state=sent], [data-state=seen]')).waitFor({ timeout: 60_000 });
  await tom.page.waitForFunction((n) => document.querySelectorAll('a.photo').length === n + 1, photos, { timeout: 60_000 });
  const got = await tom.page.evaluate(() => [...document.querySelectorAll('article')].map((a) => /over a bad line (\d+)\./.exec(a.textContent)?.[1]).filter(Boolean).map(Number));
  assert.deepEqual(got, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  assert.ok(net.lost >= 5, `only ${net.lost} of ${net.asked} requests were lost`);
});

test('a half-written message is on one’s other device, also when it was written without a network', async () => {
  net.loss = 0;
  net.slow = 0;
  const second = await Person.arrive(browser, server.url, 'asha', desk);
  await second.signIn();
  await asha.page.fill('#say', 'Half written on the');
  await second.page.locator('.row', { hasText: 'Half written on the' }).waitFor();
  await asha.context.setOffline(true);
  await asha.page.fill('#say', 'Half written on the phone');
  await asha.page.locator('.offline:visible').first().waitFor();
  await asha.context.setOffline(false);
  await second.page.locator('.row', { hasText: 'Half written on the phone' }).waitFor({ timeout: 30_000 });
  await second.open(ward);
  assert.equal(await second.page.inputValue('#say'), 'Half written on the phone');
  await second.page.fill('#say', '');
  await second.say('Finished at the desk');
  await second.go('#/chats');
  await asha.go('#/chats');
  await asha.page.waitForFunction((w) => [...document.querySelectorAll('.row')].some((r) => r.textContent.includes(w) && !r.querySelector('.draft')), ward, { timeout: 20_000 });
  second.quiet();
});

// hazard: H1 the form for a page must come, also over a network that drops it.
test('a part of the app that the network dropped comes by itself', async () => {
  const context = await browser.newContext({ viewport: phone, serviceWorkers: 'block' }); // as before the device has kept the app
  const grace = await Person.at('grace', context, server.url);
  await grace.signIn();
  const lost = new Map();
  await grace.page.route(/assets\/(Attach|PageNew|CallNew)-.*\.js/, (r) => {
    const asked = (lost.get(r.request().url()) ?? 0) + 1;
    lost.set(r.request().url(), asked);
    return asked < 5 ? r.abort() : r.continue();
  });
  await grace.go('#/pages/emergency');
  await grace.page.locator('.toast', { hasText: 'on its way' }).waitFor();
  await grace.page.locator('button', { hasText: 'Hold to call' }).waitFor();
  await grace.go('#/pages/new');
  await grace.page.locator('button', { hasText: 'Send urgent page' }).waitFor();
  assert.deepEqual([...lost.values()], [5, 5]);
  await context.close();
});
