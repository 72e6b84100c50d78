// Starts the real binary with the demo's data on a free port, and can stop it, kill it and start it again on the same
// data; or a trust that has nothing but a few people. The binary is ../../bin/wardline or what WARDLINE_BIN names.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export const bin = process.env.WARDLINE_BIN ?? new URL('../../bin/wardline', import.meta.url).pathname;

export async function freePort() {
  const s = createServer();
  await new Promise((ok) => s.listen(0, '127.0.0.1', ok));
  const { port } = s.address();
  await new Promise((ok) => s.close(ok));
  return port;
}

// startDemo takes another port when somebody was quicker to take the free one.
export async function startDemo(extra = []) {
  for (let tries = 1; ; tries++) {
    const data = mkdtempSync(join(tmpdir(), 'wardline-story-'));
    const demo = new Demo(await freePort(), data, extra);
    try {
      await demo.start(true);
      return demo;
    } catch (e) {
      rmSync(data, { recursive: true, force: true });
      if (tries === 3 || !/answers at|address already in use/.test(String(e))) throw e;
    }
  }
}

class Demo {
  constructor(port, data, extra) {
    this.url = `http://127.0.0.1:${port}`;
    this.listen = `127.0.0.1:${port}`;
    this.data = data;
    this.extra = extra;
    this.output = '';
  }

  async start(fresh = false) {
    const args = ['demo', '-data', this.data, '-listen', this.listen, ...(fresh ? ['-fresh'] : []), ...this.extra];
    const { WARDLINE_BIN: _, ...env } = process.env; // the server would take it for a setting
    this.child = spawn(bin, args, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    const gone = new Promise((_, no) => this.child.once('exit', (code) => no(new Error(`the server ended with ${code}\n${this.output.slice(-2000)}`))));
    gone.catch(() => undefined);
    for (const s of [this.child.stdout, this.child.stderr]) s.on('data', (d) => { this.output += d; });
    await Promise.race([this.ready(), gone]);
  }

  async ready() {
    const end = Date.now() + 60_000;
    while (Date.now() < end) {
      const ok = await fetch(`${this.url}/_matrix/client/versions`).then((r) => r.ok, () => false);
      if (ok) return;
      await new Promise((r) => setImmediate(r));
    }
    throw new Error(`the server is not ready\n${this.output.slice(-2000)}`);
  }

  async end(signal) {
    const gone = new Promise((ok) => this.child.once('exit', ok));
    this.child.kill(signal);
    await gone;
  }

  async killHard() {
    await this.end('SIGKILL');
  }

  async stop() {
    if (this.child.exitCode === null && this.child.signalCode === null) await this.end('SIGTERM');
    rmSync(this.data, { recursive: true, force: true });
  }
}

// startTrust serves a trust that has the people of these lines of a staff record and nothing else. Passwords are by login; whoever is named
// in admins looks after it. Browsers reach it by a name, because passkeys want one. settings are made of a folder of its own.
export async function startTrust({ staff, passwords, admins = [], settings }) {
  const dir = mkdtempSync(join(tmpdir(), 'wardline-trust-'));
  const port = await freePort();
  const url = `http://localhost:${port}`;
  const where = ['-data', join(dir, 'data'), '-server-name', 'st-elsewhere'];
  const { WARDLINE_BIN: _, ...env } = process.env; // the program would take it for a setting
  const run = (args, input) => execFileSync(bin, args, { env, stdio: [input === undefined ? 'ignore' : 'pipe', 'ignore', 'inherit'], ...(input === undefined ? {} : { input }) });
  writeFileSync(join(dir, 'staff.csv'), `Employee Number,Name,Email,Position\n${staff.join('\n')}\n`);
  run(['staff', 'import', ...where, join(dir, 'staff.csv')]);
  for (const [login, secret] of Object.entries(passwords)) run(['admin', 'password', ...where, login], `${secret}\n`);
  for (const login of admins) run(['admin', 'grant', ...where, login]);
  const child = spawn(bin, ['serve', ...where, '-listen', `127.0.0.1:${port}`, '-public-url', url, '-no-rate-limits', '-log-json', ...settings(dir)], { env, stdio: ['ignore', 'inherit', 'pipe'] });
  process.on('exit', () => child.kill('SIGKILL')); // whatever ends this test
  const ended = new Promise((ok) => child.once('exit', ok));
  const ready = new Promise((ok) => {
    createInterface({ input: child.stderr }).on('line', (line) => {
      if (JSON.parse(line).msg === 'ready') ok();
    });
  });
  await Promise.race([ready, ended.then((code) => { throw new Error(`the server ended with ${code}`); })]);
  return {
    url,
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
