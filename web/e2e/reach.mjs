// Reached besides the app: a number is set, a page is not looked at, the trust's own telephone program is told, and the sender sees it.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, launch, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

const secret = 'what both sides know';
const dir = mkdtempSync(join(tmpdir(), 'wardline-carriers-'));
const heard = [];
let tell = () => undefined;
let gateway;
let server;
let browser;
let liam;
let asha;

const sign = (stamp, body) => createHmac('sha256', secret).update(`${stamp}.${body}`).digest('hex');

before(async () => {
  gateway = createServer((req, res) => {
    let body = '';
    req.on('data', (d) => { body += d; });
    req.on('end', () => {
      assert.equal(req.headers['wardline-signature'], sign(req.headers['wardline-timestamp'], body));
      heard.push(JSON.parse(body));
      res.writeHead(200).end('{"id":"t1"}');
      tell();
    });
  });
  await new Promise((ok) => gateway.listen(0, '127.0.0.1', ok));
  const file = join(dir, 'carriers.json');
  writeFileSync(file, JSON.stringify({ carriers: [{ way: 'sms', kind: 'webhook', url: `http://127.0.0.1:${gateway.address().port}/`, secret }], urgent: { sms: '1s' } }));
  server = await startDemo(['-carriers', file]);
  browser = await launch();
  liam = await Person.arrive(browser, server.url, 'liam', phone, { theme: 'night' });
  asha = await Person.arrive(browser, server.url, 'asha', desk);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  gateway?.close();
  rmSync(dir, { recursive: true, force: true });
});

test('1 a number is kept, a wrong one explained, and only ways that the trust has are offered', async () => {
  await liam.signIn();
  await liam.go('#/more/reach');
  await liam.page.fill('#reach-sms', '12');
  await liam.page.click('text=Keep');
  await liam.page.locator('[role=alert]', { hasText: '+44' }).waitFor();
  await liam.clean('a wrong number');
  await liam.page.fill('#reach-sms', '07700 900123');
  await liam.page.click('text=Keep');
  await liam.page.locator('[role=status]', { hasText: 'Kept' }).waitFor();
  assert.equal(await liam.page.inputValue('#reach-sms'), '+447700900123');
  assert.equal(await liam.page.locator('#reach-voice').count(), 0);
  await liam.clean('how you are reached');
  await liam.wide();
  await liam.shot('reach-phone-night');
  await liam.page.setViewportSize({ width: 320, height: 640 });
  await liam.wide();
  await liam.context.close(); // and is not there when he is paged
});

test('2 a page that nobody looks at goes out, says nothing of the patient, and what became of it is on the page', async () => {
  await asha.signIn();
  const told = new Promise((ok) => { tell = ok; });
  const page = await asha.page.evaluate(async () => {
    const body = { txn: 'reach-1', post: 'po_med_spr', urgency: 'urgent', patient: 'pt_jones', where: 'Ward 7', what: 'BP 82/40 not better', need: 'attend', callback: 'ext 2345' };
    return (await fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json();
  });
  await told;
  assert.equal(heard[0].to, '+447700900123');
  assert.match(heard[0].text, /^Urgent page for Medical registrar on call\. Ring 2345\./);
  assert.doesNotMatch(JSON.stringify(heard[0]), /JONES|82\/40|Asha/);
  const receipt = JSON.stringify({ ref: heard[0].ref, state: 'arrived' });
  const stamp = String(Math.floor(Date.now() / 1000));
  const send = (signature) => fetch(`${server.url}/_wardline/v1/carriers/sms/receipt`, { method: 'POST', body: receipt, headers: { 'Wardline-Timestamp': stamp, 'Wardline-Signature': signature } });
  assert.equal((await send('0'.repeat(64))).status, 404);
  assert.equal((await send(sign(stamp, receipt))).status, 202);
  await asha.go(`#/pages/${page.id}`);
  await asha.page.locator('[data-step=arrived]', { hasText: 'Text message delivered' }).waitFor();
  await asha.clean('a page with what became of its text');
  await asha.shot('reach-page-desk-day');
  asha.quiet();
});
