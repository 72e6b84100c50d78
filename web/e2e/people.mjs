// People in browsers: each a fresh context of a real Chromium, with what every test of ours wants to know watched:
// requests to anywhere else, errors in the console, and what axe finds.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
export const out = new URL('./out/', import.meta.url).pathname;
export const password = 'st-elsewhere';
export const phone = { width: 390, height: 844 };
export const desk = { width: 1440, height: 900 };

export async function launch() {
  mkdirSync(out, { recursive: true });
  const path = process.env.CHROMIUM ?? (existsSync('/usr/bin/chromium') ? '/usr/bin/chromium' : execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim());
  // Without a graphics card the browser would emulate one, which takes more of the processor than everything that is tested.
  const card = ['--disable-gpu', '--disable-software-rasterizer'];
  const args = [...card, '--no-sandbox', '--no-first-run', '--lang=en-GB', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--autoplay-policy=no-user-gesture-required', '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream'];
  return chromium.launch({ executablePath: path, args });
}

const everybody = [];

// cast is who is on in a flow, by name, for the chapters after the one that brought them.
export const cast = {};

// lastLooks takes a picture of everybody when a flow ends, whether well or not.
export async function lastLooks(flow) {
  for (const [i, p] of everybody.entries()) if (!p.page.isClosed()) await p.shot(`${flow}-end-${i}-${p.name}`).catch(() => undefined);
}

// whatEachSees is for the log of a failed run on a machine whose pictures are gone: place, cursor, words on screen, errors.
export async function whatEachSees() {
  const seen = await Promise.all(everybody.filter((p) => !p.page.isClosed()).map(async (p) => {
    const words = await p.page.evaluate(() => `${location.hash} cursor in ${document.activeElement?.id || document.activeElement?.className}\n${document.body.innerText.replace(/\n+/g, ' | ').slice(0, 1500)}`).catch(String);
    return `${p.name}: ${words}\n${p.errors.join('\n')}`;
  }));
  return seen.join('\n');
}

export class Person {
  constructor(name, page, context, url) {
    Object.assign(this, { name, page, context, url, strangers: [], errors: [] });
    everybody.push(this);
  }

  static async arrive(browser, url, name, size, { theme = 'day', scale = 1 } = {}) {
    const small = size.width < 600;
    const context = await browser.newContext({ viewport: size, deviceScaleFactor: scale, locale: 'en-GB', timezoneId: 'Europe/London', colorScheme: theme === 'night' ? 'dark' : 'light', hasTouch: small, isMobile: small, permissions: ['notifications', 'clipboard-read', 'clipboard-write'] });
    const me = await Person.at(name, context, url);
    context.on('request', (r) => { if (!r.url().startsWith(`${url}/`) && !/^(blob|data):/.test(r.url())) me.strangers.push(r.url()); });
    return me;
  }

  // at is somebody at a new tab of a browser.
  static async at(name, context, url) {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    const me = new Person(name, page, context, url);
    page.on('pageerror', (e) => me.errors.push(`${e.message} ${e.stack ?? ''}`));
    page.on('console', (m) => { if (m.type() === 'error' && !/Failed to load resource|ERR_INTERNET|ERR_CONNECTION/.test(m.text())) me.errors.push(m.text()); });
    return me;
  }

  // beside opens the app in another tab of the same browser.
  async beside() {
    const other = await Person.at(this.name, this.context, this.url);
    await other.page.goto(`${this.url}/`);
    return other;
  }

  async signIn(secret = password) {
    const { page } = this;
    await page.goto(`${this.url}/`);
    await page.fill('#user', this.name);
    await page.fill('#password', secret);
    await page.click('button[type=submit]');
    await page.locator('.list-pane .row').first().waitFor();
  }

  // on is whoever is on in this flow by that name, or arrives and signs in.
  static async on(browser, url, name, size, options) {
    if (!cast[name]) {
      const me = await Person.arrive(browser, url, name, size, options);
      await me.signIn();
      cast[name] = me;
    }
    return cast[name];
  }

  async open(title) {
    await this.page.locator('.list-pane .row', { hasText: title }).first().click();
    await this.page.locator('.stream .bubble, .stream .event').first().waitFor();
  }

  async go(hash) {
    await this.page.evaluate((h) => { location.hash = h; }, hash);
  }

  async say(words) {
    await this.page.fill('#say', words);
    await this.page.click('button[aria-label=Send]');
  }

  message(words) {
    return this.page.locator('article.say', { has: this.page.locator('.bubble p, .bubble .rich', { hasText: words }) }).last();
  }

  async menu(words) {
    const at = this.message(words);
    await at.locator('.act').focus();
    await this.page.keyboard.press('Enter');
    await this.page.locator('dialog[open]').first().waitFor(); // by a locator: what waitForSelector answers would keep the element alive
  }

  // clean runs axe over what is on screen, by day and by night.
  async clean(what) {
    const { page } = this;
    const was = await page.evaluate(() => document.documentElement.dataset.theme);
    await page.evaluate(axeSource);
    for (const theme of ['day', 'night']) {
      const found = await page.evaluate(async (t) => {
        document.documentElement.dataset.theme = t;
        await document.fonts.ready;
        const r = await globalThis.axe.run(document, { resultTypes: ['violations'] });
        return r.violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(' ')} ${n.any[0]?.message ?? n.all[0]?.message ?? ''}`).join(' | ')}`);
      }, theme);
      assert.deepEqual(found, [], `axe, ${what}, ${this.name}, ${theme}`);
    }
    await page.evaluate((t) => { document.documentElement.dataset.theme = t; }, was);
  }

  async wide() {
    const over = await this.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.ok(over <= 0, `${this.name}'s screen is ${over} px too wide`);
  }

  // narrow looks whether the screen fits 320 px as well, and goes back to its size.
  async narrow() {
    const size = this.page.viewportSize();
    await this.page.setViewportSize({ width: 320, height: 640 });
    await this.wide();
    await this.page.setViewportSize(size);
  }

  // told hands a message to the page's service worker as the browser's push service would.
  async told(data) {
    await this.page.evaluate(async () => { await navigator.serviceWorker.ready; }); // not the registration itself, which cannot leave the page
    const cdp = await this.context.newCDPSession(this.page);
    const reg = new Promise((ok) => cdp.on('ServiceWorker.workerRegistrationUpdated', (e) => { const r = e.registrations.find((x) => !x.isDeleted); if (r) ok(r.registrationId); }));
    await cdp.send('ServiceWorker.enable');
    await cdp.send('ServiceWorker.deliverPushMessage', { origin: this.url, registrationId: await reg, data });
    await cdp.detach();
  }

  async shot(name) {
    await this.page.screenshot({ path: `${out}${name}.png` });
  }

  // both takes a picture by day and one by night.
  async both(name) {
    const was = await this.page.evaluate(() => document.documentElement.dataset.theme);
    for (const theme of ['day', 'night']) {
      await this.page.evaluate((t) => { document.documentElement.dataset.theme = t; }, theme);
      await this.shot(`${name}-${theme}`);
    }
    await this.page.evaluate((t) => { document.documentElement.dataset.theme = t; }, was);
  }

  quiet() {
    assert.deepEqual(this.strangers, [], `${this.name} asked another origin`);
    assert.deepEqual(this.errors, [], `${this.name} saw errors: ${this.errors.join(" | ")}`);
  }
}
