// Starts the real program on a folder of its own, and knows how to sign people up.

import { spawn } from 'node:child_process';
import { createHmac } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

const secret = 'a secret of this test';
const binary = new URL('../../bin/wardline', import.meta.url).pathname;

/** freeAddress finds an address of this machine that nobody answers at, for a server that must know its own before it starts. */
export async function freeAddress() {
  const probe = createServer();
  await new Promise((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  return `127.0.0.1:${port}`;
}

/** start runs `wardline serve` with these settings too and resolves when it answers. */
export async function start(more = [], listen = '127.0.0.1:0') {
  const data = await mkdtemp(join(tmpdir(), 'wardline-jssdk-'));
  const child = spawn(binary, ['serve', '-server-name', 'hs1', '-data', data, '-listen', listen, '-registration-secret', secret, '-no-rate-limits', '-log-json', ...more], { stdio: ['ignore', 'inherit', 'pipe'] });
  process.on('exit', () => child.kill('SIGKILL')); // whatever ends this test
  const gone = new Promise((resolve) => child.once('exit', resolve));
  const lines = createInterface({ input: child.stderr });
  const address = await new Promise((resolve, reject) => {
    child.once('error', reject);
    gone.then((code) => reject(new Error(`the server ended with ${code} before it was ready`)));
    lines.on('line', (line) => {
      const said = JSON.parse(line);
      if (said.msg === 'ready') resolve(said.address);
      else if (said.level !== 'INFO') console.error(line);
    });
  });
  return {
    url: `http://${address}`,
    async stop() {
      child.kill('SIGTERM');
      const code = await gone;
      await rm(data, { recursive: true, force: true });
      return code;
    },
  };
}

/** register makes an account through the shared-secret call, as common Matrix tools do. */
export async function register(url, username, password) {
  const at = `${url}/_synapse/admin/v1/register`;
  const { nonce } = await (await fetch(at)).json();
  const mac = createHmac('sha1', secret).update([nonce, username, password, 'notadmin'].join('\0')).digest('hex');
  const answer = await fetch(at, { method: 'POST', body: JSON.stringify({ nonce, username, password, admin: false, mac }) });
  if (!answer.ok) throw new Error(`register ${username}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}
