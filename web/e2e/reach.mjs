// Reached besides the app: a number is set, a page is not looked at, the trust's own telephone program is told, and the sender sees it.

import assert from 'node:assert/strict';
import { createECDH, createHmac, randomBytes } from 'node:crypto';
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
let pushes; // a browsers' push service: it answers as told, and hands on that it was asked
let answers = [];
let pushed = () => undefined;
let maya;
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
  pushes = createServer((req, res) => {
    req.resume();
    req.on('end', () => {
      res.writeHead(answers.shift() ?? 201).end();
      pushed();
    });
  });
  await new Promise((ok) => pushes.listen(0, '127.0.0.1', ok));
  const file = join(dir, 'carriers.json');
  const url = `http://127.0.0.1:${gateway.address().port}/`;
  writeFileSync(file, JSON.stringify({ carriers: [{ way: 'sms', kind: 'webhook', url, secret }, { way: 'pager', kind: 'webhook', url, secret }], urgent: { sms: '1s', pager: '0s' } }));
  server = await startDemo(['-carriers', file, '-push-services', `127.0.0.1:${pushes.address().port}`]);
  browser = await launch();
  liam = await Person.arrive(browser, server.url, 'liam', phone, { theme: 'night' });
  asha = await Person.arrive(browser, server.url, 'asha', desk);
  maya = await Person.arrive(browser, server.url, 'maya', phone);
});

after(async () => {
  await browser?.close();
  await server?.stop();
  gateway?.close();
  pushes?.close();
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
  const tested = new Promise((ok) => { tell = ok; });
  await liam.page.click('text=Send a test');
  await tested;
  assert.equal(heard[0].text, 'TEST of Wardline. Nobody needs you. TEST.');
  await liam.page.locator('[data-test=taken]', { hasText: 'the carrier has taken it' }).waitFor();
  await liam.clean('how you are reached');
  await liam.page.click('text=Send a test');
  await liam.page.locator('[role=alert]', { hasText: 'less than a minute ago' }).waitFor();
  await liam.wide();
  await liam.shot('reach-phone-night');
  await liam.page.setViewportSize({ width: 320, height: 640 });
  await liam.wide();
  await liam.page.evaluate(async ({ endpoint, key, auth }) => {
    const body = { kind: 'org.matrix.msc4174.webpush', app_id: 'uk.wardline.web', app_display_name: 'Wardline', device_display_name: 'Web app', lang: 'en', append: false, pushkey: key, data: { endpoint, auth } };
    const r = await fetch('/_matrix/client/v3/pushers/set', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) });
    if (!r.ok) throw new Error(await r.text());
  }, subscription('liam'));
  await liam.context.close(); // and is not there when he is paged
});

// subscription is a browser's, with keys that nobody needs to keep: what is sent there is not read.
function subscription(name) {
  const ecdh = createECDH('prime256v1');
  return { endpoint: `http://127.0.0.1:${pushes.address().port}/${name}`, key: ecdh.generateKeys().toString('base64url'), auth: randomBytes(16).toString('base64url') };
}

test('2 a post has a pager of its own, which whoever keeps its rota writes and tries, and nobody else sees', async () => {
  await maya.signIn();
  await maya.go('#/work/post/po_med_spr');
  await maya.page.locator('button', { hasText: 'Pager and numbers' }).click();
  await maya.page.fill('#reach-pager', 'bleep');
  await maya.page.locator('form', { has: maya.page.locator('#reach-pager') }).locator('button', { hasText: 'Keep' }).click();
  await maya.page.locator('[role=alert]', { hasText: '3 to 15 digits' }).waitFor();
  await maya.page.fill('#reach-pager', '812 345');
  await maya.page.press('#reach-pager', 'Enter');
  await maya.page.locator('[role=status]', { hasText: 'Kept' }).waitFor();
  const told = new Promise((ok) => { tell = ok; });
  await maya.page.locator('form', { has: maya.page.locator('#reach-pager') }).locator('button', { hasText: 'Send a test' }).click();
  await told;
  const sent = heard.at(-1);
  assert.deepEqual([sent.way, sent.to, sent.text], ['pager', '812345', 'TEST of Wardline for Medical registrar on call. Nobody needs you. TEST.']);
  await maya.page.locator('[data-test=taken]').waitFor();
  const receipt = JSON.stringify({ ref: sent.ref, state: 'failed', reason: 'the pager is off' });
  const stamp = String(Math.floor(Date.now() / 1000));
  await fetch(`${server.url}/_wardline/v1/carriers/pager/receipt`, { method: 'POST', body: receipt, headers: { 'Wardline-Timestamp': stamp, 'Wardline-Signature': sign(stamp, receipt) } });
  await maya.page.locator('[data-test=failed]', { hasText: 'it did not go: the pager is off' }).waitFor();
  await maya.clean('the pager of a post');
  await maya.both('reach-post-phone');
  await maya.page.setViewportSize({ width: 320, height: 640 });
  await maya.wide();
  maya.quiet();
  heard.length = 0;
  await asha.signIn();
  await asha.go('#/work/post/po_med_spr');
  await asha.page.locator('button', { hasText: 'History' }).waitFor();
  assert.equal(await asha.page.locator('button', { hasText: 'Pager and numbers' }).count(), 0);
});

test('3 a page that nobody looks at goes out, says nothing of the patient, and what became of it is on the page', async () => {
  await asha.go('#/pages/new?post=po_med_spr');
  await asha.page.locator('.what-if', { hasText: 'push, a device will be notified' }).waitFor();
  const told = new Promise((ok) => { tell = () => { if (heard.some((h) => h.way === 'sms')) ok(); }; });
  const asked = new Promise((ok) => { pushed = ok; });
  answers = [503];
  const page = await asha.page.evaluate(async () => {
    const body = { txn: 'reach-1', post: 'po_med_spr', urgency: 'urgent', patient: 'pt_jones', where: 'Ward 7', what: 'BP 82/40 not better', need: 'attend', callback: 'ext 2345' };
    return (await fetch('/_wardline/v1/pages', { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) })).json();
  });
  await asked;
  await told;
  const pager = heard.find((h) => h.way === 'pager');
  assert.deepEqual([pager.to, pager.text], ['812345', 'Urgent page for Medical registrar on call. Ring 2345.']);
  heard.splice(0, heard.length, heard.find((h) => h.way === 'sms'));
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
  await asha.page.locator('[data-step=tried]', { hasText: 'Push tried' }).waitFor();
  await asha.page.locator('[data-step=taken]', { hasText: 'Push accepted' }).waitFor();
  await asha.clean('a page with what became of its text');
  await asha.shot('reach-page-desk-day');
  asha.quiet();
});
