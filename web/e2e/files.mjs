// Files: read in place where that is safe, named for what they are where it is not; all that was sent in a conversation; and uploads that
// go on after a cut connection, a reload and a killed server.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { createServer, request } from 'node:http';
import { after, before } from 'node:test';
import { test } from './chapters.mjs';
import { desk, lastLooks, launch, password, Person, phone } from './people.mjs';
import { startDemo } from './start.mjs';

let server;
let browser;
let line;
let liam;
let tom;

// badLine lies between a browser and the server. While it is bad it cuts what carries parts of files after some bytes.
async function badLine(to) {
  const state = { bad: false, after: 150_000, cuts: 0, carried: 0, offsets: [] };
  const http = createServer((req, res) => {
    const on = request({ host: '127.0.0.1', port: new URL(to).port, path: req.url, method: req.method, headers: req.headers }, (answer) => { res.writeHead(answer.statusCode, answer.headers); answer.pipe(res); });
    on.on('error', () => req.socket.destroy());
    res.on('close', () => on.destroy());
    const part = req.method === 'PUT' && req.url.includes('/uploads/');
    if (part) state.offsets.push(Number(/offset=(\d+)/.exec(req.url)[1]));
    let bytes = 0;
    req.on('data', (d) => {
      bytes += d.length;
      if (part) state.carried += d.length;
      if (part && state.bad && bytes > state.after) {
        state.cuts++;
        on.destroy();
        req.socket.destroy();
      }
    });
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
  line = await badLine(server.url);
  liam = await Person.arrive(browser, line.url, 'liam', phone);
  tom = await Person.arrive(browser, server.url, 'tom', desk, { theme: 'night' });
});

after(async () => {
  await lastLooks('files');
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

// bits packs ones and zeros into bytes.
function bits(s) {
  return Buffer.from(s.padEnd(Math.ceil(s.length / 8) * 8, '0').match(/.{8}/g).map((b) => parseInt(b, 2)));
}

// pdf writes a file of that many pages, by hand.
function pdf(pages) {
  const kids = Array.from({ length: pages }, (_, i) => `${5 + 2 * i} 0 R`).join(' ');
  const fax = bits('001' + '00110101' + '000101' + '11'.repeat(7) + '000000000001'.repeat(2)).toString('latin1'); // eight black lines of eight
  const parts = ['<< /Type /Catalog /Pages 2 0 R /OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >> >>', `<< /Type /Pages /Kids [${kids}] /Count ${pages} >>`, '<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>',
    `<< /Type /XObject /Subtype /Image /Width 8 /Height 8 /ColorSpace /DeviceGray /BitsPerComponent 1 /Filter /CCITTFaxDecode /DecodeParms << /K -1 /Columns 8 /Rows 8 >> /Length ${fax.length} >>\nstream\n${fax}\nendstream`];
  for (let i = 1; i <= pages; i++) {
    const draw = `BT /F1 28 Tf 60 720 Td (Discharge letter, page ${i}) Tj ET 0.8 0.9 0.9 rg 60 400 300 200 re f q 100 0 0 100 60 100 cm /Fax Do Q`;
    parts.push(`<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Resources << /Font << /F1 3 0 R >> /XObject << /Fax 4 0 R >> >> /Contents ${6 + 2 * (i - 1)} 0 R >>`, `<< /Length ${draw.length} >>\nstream\n${draw}\nendstream`);
  }
  let out = '%PDF-1.4\n';
  const at = parts.map((p, i) => { const o = out.length; out += `${i + 1} 0 obj\n${p}\nendobj\n`; return o; });
  const xref = out.length;
  out += `xref\n0 ${parts.length + 1}\n0000000000 65535 f \n${at.map((o) => `${String(o).padStart(10, '0')} 00000 n \n`).join('')}trailer\n<< /Size ${parts.length + 1} /Root 1 0 R >>\nstartxref\n${xref}\n%%EOF\n`;
  return Buffer.from(out, 'latin1');
}

async function send(p, ...files) {
  await p.page.setInputFiles('[data-pick=file]', files);
  await p.page.waitForSelector('.attach form');
  await p.page.click('.attach button[type=submit]');
  await p.page.waitForSelector('.attach', { state: 'detached' });
}

const file = (p, name) => p.page.locator('article.say a[data-file]', { hasText: name }).last();

test('1 a PDF is sent and read in place, page by page, and nothing in it runs', async () => {
  await liam.signIn();
  await tom.signIn();
  await liam.open('SMITH, Ann');
  await tom.open('SMITH, Ann');
  await liam.page.setInputFiles('[data-pick=file]', [{ name: 'Discharge letter.pdf', mimeType: 'application/pdf', buffer: pdf(5) }, { name: 'setup.exe', mimeType: 'application/octet-stream', buffer: Buffer.from('MZ') }]);
  await liam.page.locator('.attach [role=alert]', { hasText: 'setup.exe was left out' }).waitFor();
  await liam.clean('a file before it is sent');
  await liam.wide();
  await liam.shot('files-attach');
  await liam.page.click('.attach button[type=submit]');
  await liam.page.waitForSelector('.attach', { state: 'detached' });
  await file(tom, 'Discharge letter').click();
  await tom.page.waitForSelector('.reader [data-pages="5"] [data-page="1"][data-drawn]');
  assert.match(await tom.page.textContent('[data-page="1"] .said'), /Discharge letter, page 1/);
  const fax = await tom.page.evaluate(() => { const c = document.querySelector('[data-page="1"] canvas'); const at = (x, y) => [...c.getContext('2d').getImageData(Math.round((x / 595) * c.width), Math.round((1 - y / 842) * c.height), 1, 1).data].slice(0, 3); return { black: at(110, 150), white: at(300, 150) }; });
  assert.ok(Math.max(...fax.black) < 40 && Math.min(...fax.white) > 200, `the fax is not drawn: ${JSON.stringify(fax)}`);
  assert.equal(await tom.page.locator('[data-page="5"][data-drawn]').count(), 0, 'a page far away is drawn already');
  await tom.page.locator('[data-page="5"]').scrollIntoViewIfNeeded();
  await tom.page.waitForSelector('[data-page="5"][data-drawn]');
  await tom.page.locator('.reader [role=status]', { hasText: /Page [45] of 5/ }).waitFor();
  await tom.page.click('.reader button[aria-label=Larger]');
  await tom.page.waitForSelector('[data-drawn]');
  await tom.clean('a PDF');
  await tom.shot('files-pdf-desk');
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.reader', { state: 'detached' });
});

test('2 text is read in place; what cannot be read says where it goes when it is saved; what runs is refused from any app', async () => {
  await send(liam, { name: 'bloods.txt', mimeType: 'text/plain', buffer: Buffer.from('Na 138\nK 6.1\n<script>alert(1)</script>\n'.repeat(40)) }, { name: 'Rota December.xlsx', mimeType: 'application/vnd.openxmlformats-officedocument.spreadsheetml.sheet', buffer: randomBytes(4000) });
  await tom.page.evaluate(() => {
    const d = new DataTransfer();
    d.items.add(new File(['dropped'], 'dropped.txt', { type: 'text/plain' }));
    document.querySelector('.stream').dispatchEvent(new DragEvent('drop', { dataTransfer: d, bubbles: true, cancelable: true }));
  });
  await tom.page.locator('.attach', { hasText: 'dropped.txt' }).waitFor();
  await tom.page.keyboard.press('Escape');
  await tom.page.click('.attach >> text=Throw away');
  await tom.page.waitForSelector('.attach', { state: 'detached' });
  await file(tom, 'bloods.txt').click();
  await tom.page.locator('.reader pre', { hasText: '<script>alert(1)</script>' }).waitFor();
  await tom.clean('a text');
  await tom.page.keyboard.press('Escape');
  await tom.page.waitForSelector('.reader', { state: 'detached' });
  await file(liam, 'Rota December').click();
  await liam.page.locator('.reader', { hasText: 'It leaves Wardline when it is saved' }).waitFor();
  await liam.clean('a file that cannot be read here');
  await liam.wide();
  await liam.shot('files-other');
  const saved = liam.page.waitForEvent('download');
  await liam.page.click('.reader >> text=Save on this device');
  assert.equal((await saved).suggestedFilename(), 'Rota December.xlsx');
  await liam.page.click('.reader button[aria-label="Close the file"]');
  await liam.page.waitForSelector('.reader', { state: 'detached' });
  const refused = await tom.page.evaluate(async () => {
    const room = location.hash.split('/')[2];
    const upload = (type, body, name = '') => fetch(`/_matrix/media/v3/upload?filename=${name}`, { method: 'POST', headers: { 'Content-Type': type }, body });
    const page = await upload('text/html', '<!doctype html><script>1</script>', 'page.html');
    const plain = await (await upload('text/plain', 'only words')).json();
    const named = await fetch(`/_matrix/client/v3/rooms/${room}/send/m.room.message/html1`, { method: 'PUT', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ msgtype: 'm.file', body: 'page.html', url: plain.content_uri, info: { mimetype: 'text/html', size: 18 } }) });
    return [page.status, (await page.json()).error, named.status, (await named.json()).error];
  });
  assert.deepEqual([refused[0], refused[2]], [403, 403], `another client sends what runs: ${refused}`);
  assert.match(refused[3], /\.html file can run/);
});

// wholeFile is the newest file's SHA-256 as anybody may fetch it.
function wholeFile(p, name) {
  return p.page.evaluate(async (n) => {
    const room = location.hash.split('/')[2];
    const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.message'], contains_url: true }));
    const r = await (await fetch(`/_matrix/client/v3/rooms/${room}/messages?dir=b&limit=20&filter=${filter}`)).json();
    const all = r.chunk.filter((e) => e.content.filename === n || e.content.body === n);
    const [, host, id] = /^mxc:\/\/([^/]+)\/(.+)$/.exec(all[0].content.url);
    const bytes = await (await fetch(`/_matrix/client/v1/media/download/${host}/${id}`)).arrayBuffer();
    const sum = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
    return { sum: [...sum].map((b) => b.toString(16).padStart(2, '0')).join(''), times: all.length };
  }, name);
}

test('3 a large file goes on after a cut connection, a reload and a killed server, and arrives whole and once', async () => {
  const bytes = randomBytes(3_000_000);
  line.bad = true;
  await send(liam, { name: 'scan.bin', mimeType: 'application/octet-stream', buffer: bytes });
  const mine = liam.page.locator('article.is-own', { has: liam.page.locator('[data-file]', { hasText: 'scan.bin' }) }).last();
  await mine.and(liam.page.locator('[data-state=wait], [data-state=sending]')).waitFor();
  const end = Date.now() + 60_000;
  const cut = async (n) => {
    while (line.cuts < n) {
      assert.ok(Date.now() < end, `only ${line.cuts} parts were cut`);
      await liam.page.evaluate(() => new Promise((ok) => requestAnimationFrame(() => ok())));
    }
  };
  await cut(2);
  await liam.page.reload();
  await mine.waitFor();
  await cut(3);
  await server.killHard();
  await server.start();
  await cut(4);
  line.bad = false;
  await mine.and(liam.page.locator('[data-state=sent], [data-state=seen]')).waitFor({ timeout: 60_000 });
  await file(tom, 'scan.bin').waitFor({ timeout: 30_000 });
  const got = await wholeFile(tom, 'scan.bin');
  assert.deepEqual(got, { sum: createHash('sha256').update(bytes).digest('hex'), times: 1 });
  assert.ok(line.offsets.filter((o) => o > 0).length >= 4, `it began anew: ${line.offsets}`);
  assert.ok(line.carried < 2 * bytes.length, `${line.carried} bytes were carried for ${bytes.length}`);
});

// fill sends that many photos as several people, each as fast as one person may.
async function fill(room, uris, n) {
  const call = async (method, path, body, token) => {
    for (;;) {
      const r = await fetch(`${server.url}${path}`, { method, headers: { 'Content-Type': 'application/json', ...(token ? { Authorization: `Bearer ${token}` } : {}) }, body: JSON.stringify(body) });
      const v = await r.json();
      if (r.ok) return v;
      if (r.status !== 429) throw new Error(`${path}: ${r.status} ${v.error}`);
      await new Promise((ok) => setTimeout(ok, v.retry_after_ms ?? 200));
    }
  };
  const people = ['asha', 'tom', 'liam', 'grace'];
  let next = 0;
  await Promise.all(people.map(async (user) => {
    const { access_token: token } = await call('POST', '/_matrix/client/v3/login', { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password });
    await Promise.all(Array.from({ length: 8 }, async () => {
      for (let i = next++; i < n; i = next++) await call('PUT', `/_matrix/client/v3/rooms/${room}/send/m.room.message/ph${i}`, { msgtype: 'm.image', body: `photo ${i}.jpg`, url: uris[i % uris.length], info: { w: 400, h: 300, mimetype: 'image/jpeg', size: 2000 } }, token);
    }));
  }));
}

test('4 two thousand photos by month: only what is seen is in the page, keys move about, the viewer opens, and back is where one was', async () => {
  await liam.go('#/chats');
  const { room, uris } = await tom.page.evaluate(async () => {
    const c = new OffscreenCanvas(400, 300);
    const ink = c.getContext('2d');
    const uris = [];
    for (let i = 0; i < 8; i++) {
      ink.fillStyle = `hsl(${i * 45} 60% 55%)`;
      ink.fillRect(0, 0, 400, 300);
      const blob = await c.convertToBlob({ type: 'image/jpeg' });
      uris.push((await (await fetch('/_matrix/media/v3/upload', { method: 'POST', headers: { 'Content-Type': 'image/jpeg' }, body: blob })).json()).content_uri);
    }
    return { room: location.hash.split('/')[2], uris };
  });
  await tom.go('#/chats');
  await fill(room, uris, 2000);
  await liam.go('#/chats');
  await liam.open('SMITH, Ann');
  await liam.page.click('button[aria-label^="Search here"]');
  await liam.page.click('dialog >> text=Photos and files');
  await liam.page.waitForFunction(() => Number(document.querySelector('#sent')?.dataset.sent) >= 24);
  await liam.page.waitForFunction(() => [...document.querySelectorAll('.gallery img')].some((i) => i.naturalWidth > 0));
  await liam.clean('all that was sent');
  await liam.wide();
  await liam.shot('files-gallery-phone');
  const seen = await liam.page.evaluate(async () => {
    const box = document.querySelector('#sent');
    let most = 0;
    for (;;) {
      box.scrollTop = box.scrollHeight;
      await new Promise((ok) => requestAnimationFrame(() => requestAnimationFrame(ok)));
      most = Math.max(most, document.querySelectorAll('.gallery img').length);
      if (box.dataset.whole === 'true') return { most, sent: Number(box.dataset.sent) };
    }
  });
  assert.ok(seen.sent >= 2000, `only ${seen.sent} photos came`);
  assert.ok(seen.most < 120, `${seen.most} pictures were in the page at once`);
  const place = await liam.page.evaluate(() => { const b = document.querySelector('#sent'); b.scrollTop = b.scrollHeight / 2; return b.scrollTop; });
  await liam.page.waitForFunction(() => [...document.querySelectorAll('.gallery .cell')].some((c) => { const r = c.getBoundingClientRect(); return r.top > 150 && r.bottom < 700; }));
  const at = await liam.page.evaluate(() => { const c = [...document.querySelectorAll('.gallery .cell')].find((x) => { const r = x.getBoundingClientRect(); return r.top > 150 && r.bottom < 700; }); c.focus(); return Number(c.dataset.cell); });
  await liam.page.keyboard.press('ArrowRight');
  await liam.page.waitForFunction((n) => Number(document.activeElement?.dataset.cell) === n + 1, at);
  await liam.page.keyboard.press('Enter');
  await liam.page.waitForFunction(() => document.querySelector('.viewer img')?.naturalWidth > 0);
  await liam.page.click('.viewer >> text=Next');
  await liam.page.keyboard.press('Escape');
  await liam.page.waitForSelector('.gallery');
  await liam.page.waitForFunction((y) => Math.abs(document.querySelector('#sent').scrollTop - y) < 400, place);
  await liam.page.waitForFunction((n) => Number(document.activeElement?.dataset.cell) === n + 1, at);
});

test('5 files and links have lists of their own', async () => {
  await tom.open('SMITH, Ann');
  await tom.say('The guideline is at https://guidance.example/hyperkalaemia');
  await tom.message('The guideline').waitFor();
  await liam.page.click('.gallery [role=tab] >> text=Files');
  await liam.page.locator('.gallery .line-of', { hasText: 'Discharge letter.pdf' }).waitFor();
  await liam.clean('all files');
  await liam.shot('files-gallery-files');
  await liam.page.keyboard.press('ArrowRight');
  await liam.page.locator('.gallery .line-of', { hasText: 'guidance.example' }).waitFor();
  await liam.page.setViewportSize({ width: 320, height: 640 });
  await liam.wide();
  await liam.shot('files-gallery-320');
  await tom.page.click('a:has-text("Photos and files")');
  await tom.page.waitForFunction(() => [...document.querySelectorAll('.gallery img')].some((i) => i.naturalWidth > 0));
  await tom.clean('all that was sent, on a desk');
  await tom.shot('files-gallery-desk');
  liam.quiet();
  tom.quiet();
});
