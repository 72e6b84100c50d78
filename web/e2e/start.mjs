// Starts the real binary with the demo's data on a free port, and can stop it, kill it and start it again on the same
// data. The binary is ../../bin/wardline or what WARDLINE_BIN names.

import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
