// People from the trust's directory server, in a real browser against the real binary and a real OpenLDAP: the button of the import, what it
// would do, doing it, somebody who came so and signs in; then the trust has changed the password, the directory is down, and is up again.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test as once } from 'node:test';
import { test as chapter } from './chapters.mjs';
import { cast, desk, lastLooks, launch, password, Person, phone } from './people.mjs';
import { freePort, startTrust } from './start.mjs';

const slapd = ['/usr/sbin/slapd', '/usr/lib/openldap/slapd', '/usr/libexec/slapd'].find((p) => existsSync(p));
const test = slapd ? chapter : (name) => once(name, { skip: 'slapd is not here; tools/need.sh test installs it' }, () => undefined);

const base = 'dc=trust,dc=example';
const asker = `cn=wardline,${base}`;
const person = (login, number, name, more = '') => {
  const [first, last] = name.split(' ');
  return `dn: uid=${login},ou=people,${base}\nobjectClass: inetOrgPerson\nuid: ${login}\ncn: ${name}\ngivenName: ${first}\nsn: ${last}\n${number === '' ? '' : `employeeNumber: ${number}\n`}${more}\n`;
};

// A directory of its own: a base, somebody who may read there, and people. It is made anew with each start.
class Directory {
  constructor(port) {
    this.port = port;
    this.dir = mkdtempSync(join(tmpdir(), 'wardline-ldap-'));
  }

  async start(secret, people) {
    const db = join(this.dir, 'db');
    const conf = join(this.dir, 'slapd.conf');
    const ldif = join(this.dir, 'people.ldif');
    rmSync(db, { recursive: true, force: true });
    mkdirSync(db, { mode: 0o700 });
    const schemas = ['core', 'cosine', 'inetorgperson'].map((s) => `include /etc/ldap/schema/${s}.schema\n`).join('');
    writeFileSync(conf, `${schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\ndatabase mdb\nmaxsize 16777216\nsuffix "${base}"\nrootdn "cn=root,${base}"\ndirectory ${db}\naccess to attrs=userPassword by anonymous auth by * none\naccess to * by dn.exact="${asker}" read by * none\n`, { mode: 0o600 });
    writeFileSync(ldif, `dn: ${base}\nobjectClass: dcObject\nobjectClass: organization\ndc: trust\no: Trust\n\ndn: ${asker}\nobjectClass: person\ncn: wardline\nsn: wardline\nuserPassword: ${secret}\n\ndn: ou=people,${base}\nobjectClass: organizationalUnit\nou: people\n\n${people.join('\n')}`);
    execFileSync(slapd.replace(/slapd$/, 'slapadd'), ['-f', conf, '-l', ldif], { stdio: ['ignore', 'ignore', 'inherit'] });
    this.child = spawn(slapd, ['-d', 'conns', '-f', conf, '-h', `ldap://127.0.0.1:${this.port}`], { stdio: ['ignore', 'ignore', 'pipe'] });
    const gone = new Promise((_, no) => this.child.once('exit', (code) => no(new Error(`slapd ended with ${code}`))));
    gone.catch(() => undefined);
    const listens = new Promise((ok) => createInterface({ input: this.child.stderr }).on('line', (l) => { if (/added.*listener=0x/.test(l)) ok(); }));
    await Promise.race([listens, gone]);
  }

  async stop() {
    if (!this.child || this.child.exitCode !== null || this.child.signalCode !== null) return;
    const gone = new Promise((ok) => this.child.once('exit', ok));
    this.child.kill('SIGKILL');
    await gone;
  }
}

let server;
let browser;
let directory;
const staff = [
  person('nerys', '7001', 'Nerys Pugh', 'title: Staff nurse\ndepartmentNumber: Ward 7\nmail: nerys.pugh@st-elsewhere.example\n'),
  person('ivo', '7002', 'Ivo Brandt', 'title: Porter\ndepartmentNumber: Ward 99\n'),
  person('lift', '', 'Lift Lobby'),
];

before(async () => {
  if (!slapd) return;
  directory = new Directory(await freePort());
  await directory.start('sesame', staff);
  const secret = join(directory.dir, 'password');
  writeFileSync(secret, 'sesame\n', { mode: 0o600 });
  server = await startTrust({
    staff: ['901,Maya Lind,maya.lind@st-elsewhere.example,Directory administrator'],
    passwords: { 'maya.lind': password },
    admins: ['maya.lind'],
    settings: () => ['-ldap-url', `ldap://127.0.0.1:${directory.port}`, '-ldap-bind-dn', asker, '-ldap-password-file', secret, '-ldap-base', `ou=people,${base}`],
  });
  browser = await launch();
});

after(async () => {
  await lastLooks('ldap');
  await browser?.close();
  await server?.stop();
  await directory?.stop();
  if (directory) rmSync(directory.dir, { recursive: true, force: true });
});

const ask = (p) => p.page.getByRole('button', { name: 'Ask the directory server (LDAP)' });
const alert = (p, words) => p.page.locator('[role=alert]', { hasText: words });

test('1 the directory is asked: what it would do, and nothing is done yet', async () => {
  const maya = await Person.arrive(browser, server.url, 'maya.lind', desk);
  cast.maya = maya;
  await maya.page.goto(`${server.url}/`);
  await maya.page.fill('#user', maya.name);
  await maya.page.fill('#password', password);
  await maya.page.click('button[type=submit]');
  await maya.page.getByRole('navigation', { name: 'Main' }).first().waitFor(); // she has no conversation yet
  await maya.go('#/more/import');
  await ask(maya).focus();
  await maya.page.keyboard.press('Enter');
  await maya.page.locator('h2', { hasText: 'What it would do' }).waitFor();
  await maya.page.getByText('3 entries').waitFor();
  await maya.page.locator('li', { hasText: 'Lift Lobby' }).waitFor(); // who has no staff number is named and left out
  const fresh = maya.page.locator('details', { hasText: 'New' }).first();
  await fresh.locator('summary').click();
  await fresh.locator('li', { hasText: 'Nerys Pugh' }).waitFor();
  await maya.clean('what the directory would change');
  await maya.narrow();
  await maya.both('ldap-dry-desk');
  await maya.page.setViewportSize(phone);
  await maya.both('ldap-dry-phone');
  await maya.page.setViewportSize(desk);
  assert.equal(await maya.page.evaluate(async () => (await (await fetch('/_wardline/v1/directory?q=nerys')).text()).includes('Nerys')), false, 'a trial has brought somebody in');
});

test('2 the trust has changed the password: a sentence, and nothing is changed or lost', async () => {
  const { maya } = cast;
  await directory.stop();
  await directory.start('changed', staff);
  await maya.page.getByRole('button', { name: /^Import: / }).click();
  await alert(maya, 'it does not accept the name and password. Nothing was changed.').waitFor();
  await maya.page.locator('h2', { hasText: 'What it would do' }).waitFor(); // and it may be pressed again
  await maya.clean('a directory that refuses');
  await maya.both('ldap-refused-desk');
});

test('3 the directory is down: a sentence, by the keyboard again once it is back', async () => {
  const { maya } = cast;
  await directory.stop();
  await ask(maya).click();
  await alert(maya, 'The directory server cannot be asked: it does not answer. Nothing was changed.').waitFor();
  await maya.clean('a directory that is down');
  await maya.narrow();
  await maya.both('ldap-down-desk');
  await directory.start('sesame', staff);
  await ask(maya).focus();
  await maya.page.keyboard.press('Enter');
  await maya.page.locator('h2', { hasText: 'What it would do' }).waitFor();
  assert.equal(await maya.page.locator('[role=alert]').count(), 0);
});

test('4 it is done, and whoever came from the directory signs in', async () => {
  const { maya } = cast;
  await maya.page.getByRole('button', { name: /^Import: / }).click();
  await maya.page.locator('h2', { hasText: 'Done' }).waitFor();
  await maya.both('ldap-done-desk');
  await maya.go('#/more/staff');
  await maya.page.fill('input[type=search]', 'nerys');
  await maya.page.locator('button.item', { hasText: 'Nerys Pugh' }).click();
  await maya.page.getByText('kept by ldap').waitFor();
  await maya.page.locator('button', { hasText: 'Sign-in link' }).click();
  const link = await maya.page.locator('input[readonly]').inputValue();
  const nerys = await Person.arrive(browser, server.url, 'nerys', phone);
  cast.nerys = nerys;
  await nerys.page.goto(link);
  await nerys.page.getByRole('navigation', { name: 'Main' }).first().waitFor();
  await maya.go('#/more/import');
  await ask(maya).click();
  await maya.page.getByRole('button', { name: 'Nothing to do' }).waitFor(); // the same again changes nothing
});

test('5 nobody asked another origin, and nothing broke', async () => {
  for (const p of Object.values(cast)) p.quiet();
});
