// What whoever looks after the directory arranges: a post from nothing to closed, a team, who keeps which rota, and a rota that comes from
// elsewhere, stops and comes again.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createServer } from 'node:http';
import { after, before, test } from 'node:test';
import { desk, launch, Person, phone } from './people.mjs';
import { bin, startDemo } from './start.mjs';

delete process.env.WARDLINE_BIN; // the program would take it for a setting
let server;
let browser;
let maya;
let feed; // what the other system says, null for nothing
let source;

const button = (name) => maya.page.getByRole('button', { name, exact: true });

before(async () => {
  source = createServer((_, res) => (feed === null ? res.writeHead(503).end() : res.writeHead(200, { 'Content-Type': 'text/csv' }).end(feed)));
  await new Promise((ok) => source.listen(0, '127.0.0.1', ok));
  server = await startDemo();
  await server.end('SIGTERM');
  execFileSync(bin, ['admin', 'grant', '-data', server.data, '-server-name', 'st-elsewhere', 'maya'], { stdio: ['ignore', 'ignore', 'inherit'] });
  await server.start();
  browser = await launch();
  maya = await Person.arrive(browser, server.url, 'maya', phone);
  maya.page.setDefaultTimeout(15_000);
  await maya.signIn();
});

after(async () => {
  await maya?.shot('arrange-end').catch(() => undefined);
  await browser?.close();
  await server?.stop();
  source?.closeAllConnections();
  source?.close();
});

test('1 a post: made, alarming until somebody holds it, changed, closed', async () => {
  await maya.go('#/more/arrange');
  await button('New post').click();
  await maya.page.getByLabel('Name, such as Medical registrar on call').fill('Stroke nurse on call');
  await button('Save').click();
  await maya.page.getByText('Say which service the post belongs to').waitFor();
  await maya.page.getByLabel('Service, such as Medicine').fill('Medicine');
  await maya.page.getByLabel('How many hold it at once').selectOption('2');
  await maya.page.getByLabel('Add a post to ask').selectOption({ label: 'Medical registrar on call · Medicine' });
  await maya.page.getByText('1. Medical registrar on call').waitFor();
  await maya.wide();
  await maya.clean('a new post');
  await maya.both('arrange-post-phone');
  await button('Save').click();
  await maya.page.getByText('Stroke nurse on call is a post now.').waitFor();
  await maya.page.getByLabel('Find a post').fill('stroke');
  await maya.page.getByRole('button', { name: /Stroke nurse on call/ }).waitFor();
  await maya.clean('posts to arrange');
  await maya.go('#/work');
  await maya.page.getByText('Stroke nurse on call').first().waitFor();
  await maya.go('#/more/arrange');
  await maya.page.getByLabel('Find a post').fill('stroke');
  await maya.page.getByRole('button', { name: /Stroke nurse on call/ }).click();
  await maya.page.getByText('1. Medical registrar on call').waitFor();
  await maya.page.getByLabel('Closed: no longer filled, found or paged').check();
  await button('Save').click();
  await maya.page.getByText('Stroke nurse on call is closed.').waitFor();
  await maya.page.getByLabel('Find a post').fill('registrar on call');
  await maya.page.getByRole('button', { name: /Medical registrar on call/ }).click();
  await maya.page.getByLabel('Closed: no longer filled, found or paged').check();
  await button('Save').click();
  await maya.page.getByText('Somebody holds this post now').waitFor();
  await button('Cancel').click();
});

test('2 a team, and who keeps a rota', async () => {
  await button('Teams').click();
  await button('New team').click();
  await maya.page.getByLabel('Name', { exact: true }).fill('Stroke team');
  await maya.page.getByLabel('Who belongs to it').fill('Tom');
  await maya.page.getByRole('option', { name: /Tom/ }).first().click();
  await maya.page.getByRole('button', { name: /Leave out Tom/ }).waitFor();
  await maya.wide();
  await maya.clean('a new team');
  await maya.both('arrange-team-phone');
  await button('Save').click();
  await maya.page.getByText('There is a team of that name already').waitFor();
  await maya.page.getByLabel('Name', { exact: true }).fill('Night stroke team');
  await button('Save').click();
  await maya.page.getByText('Night stroke team is a team now.').waitFor();
  await maya.page.getByRole('button', { name: /Night stroke team/ }).click();
  await button('End this team…').click();
  await button('End the team').click();
  await maya.page.getByText('The team has ended.').waitFor();

  await button('Keepers').click();
  await maya.page.getByRole('button', { name: 'Add a keeper of Medicine' }).click();
  await maya.page.getByLabel('Who keeps it too').fill('Tom');
  await maya.page.getByRole('option', { name: /Tom/ }).first().click();
  await maya.page.getByText(/keeps the rotas of Medicine now/).waitFor();
  await maya.page.getByRole('button', { name: /Take away Medicine from Tom/ }).waitFor();
  await maya.wide();
  await maya.clean('keepers');
  await maya.both('arrange-keepers-phone');
  await maya.page.getByRole('button', { name: /Take away Medicine from Tom/ }).click();
  await maya.page.getByText(/no longer does/).waitFor();
});

test('3 a rota from elsewhere: added, in trouble, read, ended', async () => {
  feed = null;
  await button('Rota feeds').click();
  await button('New feed').click();
  await maya.page.getByLabel('Name', { exact: true }).fill('Medicine, from the e-rota');
  await maya.page.getByLabel('Form').selectOption('csv');
  await maya.page.getByLabel('Address. Empty when it is sent in').fill('not an address');
  await button('Save').click();
  await maya.page.getByText('no http or https URL').waitFor();
  await maya.page.getByLabel('Address. Empty when it is sent in').fill(`http://127.0.0.1:${source.address().port}/rota.csv`);
  await maya.page.getByLabel('Whose shifts, when the feed does not say').selectOption({ label: 'Medical registrar on call · Medicine' });
  await maya.clean('a new feed');
  const from = (n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
  await button('Try this feed').click();
  await maya.page.getByText('The feed could not be fetched.').waitFor();
  feed = `post,person,from,until\nMedical registrar on call,Tom Reid,${from(40)} 08:00,${from(40)} 20:00\nMedical registrar on call,nobody.known@st-elsewhere.example,${from(41)} 08:00,${from(41)} 20:00\n`;
  await button('Try this feed').focus();
  await maya.page.keyboard.press('Enter');
  await maya.page.getByText('Nothing was changed.').waitFor();
  const would = maya.page.getByRole('status', { name: 'What the feed would do' });
  await would.getByText('it would bring 1, change 0').waitFor();
  await would.getByText('Tom Reid').waitFor();
  await would.getByText('not in the directory').waitFor();
  await maya.wide();
  await maya.clean('a feed on trial');
  await maya.both('arrange-feed-trial-phone');
  await maya.page.setViewportSize(desk);
  await maya.both('arrange-feed-trial-desk');
  await maya.narrow();
  await maya.page.setViewportSize(phone);
  await maya.page.getByLabel('Try a file').setInputFiles({ name: 'rota.csv', mimeType: 'text/csv', buffer: Buffer.from('post,person,from,until\n') });
  await would.getByText('no shift in it').waitFor();
  feed = null;
  await button('Save').click();
  const card = maya.page.getByRole('region', { name: 'Medicine, from the e-rota' });
  await card.waitFor();
  await card.getByRole('button', { name: /Read now/ }).click();
  await card.getByText('Trouble', { exact: true }).waitFor();
  const day = (n) => new Date(Date.now() + n * 86_400_000).toISOString().slice(0, 10);
  feed = `post,person,from,until\nMedical registrar on call,nobody.known@st-elsewhere.example,${day(40)} 08:00,${day(40)} 20:00\n`;
  await card.getByRole('button', { name: /Read now/ }).click();
  await card.getByText(/that cannot be used|as they were/).first().waitFor();
  await maya.wide();
  await maya.clean('feeds');
  await maya.both('arrange-feeds-phone');
  await maya.page.setViewportSize(desk);
  await maya.both('arrange-feeds-desk');
  await maya.narrow();
  await maya.page.setViewportSize(phone);
  await card.getByRole('button', { name: /^End…/ }).click();
  await card.getByRole('button', { name: 'End the feed' }).click();
  await maya.page.getByText('The feed has ended.').waitFor();
  await maya.page.getByText('No rota comes from elsewhere.').waitFor();
  maya.quiet();
});
