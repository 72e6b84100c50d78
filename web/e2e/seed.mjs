// A trust that is larger than the demo's: hundreds of conversations, one with thousands of messages, thousands of photos. All of it comes
// in by the client-server API, as clients would bring it; the server is started with -no-rate-limits.

import { deflateSync } from 'node:zlib';
import { password } from './people.mjs';

// Hand is somebody at work by program.
export class Hand {
  constructor(url, user, token) {
    Object.assign(this, { url, user, token, n: 0 });
  }

  static async of(url, login) {
    const r = await fetch(`${url}/_matrix/client/v3/login`, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify({ type: 'm.login.password', identifier: { type: 'm.id.user', user: login }, password }) });
    const me = await r.json();
    if (!r.ok) throw new Error(`sign-in of ${login}: ${me.error}`);
    return new Hand(url, me.user_id, me.access_token);
  }

  async call(method, path, body, type = 'application/json') {
    const init = { method, headers: { Authorization: `Bearer ${this.token}`, 'Content-Type': type } };
    if (body !== undefined) init.body = type === 'application/json' ? JSON.stringify(body) : body;
    const r = await fetch(`${this.url}${path}`, init);
    const answer = await r.json();
    if (!r.ok) throw new Error(`${method} ${path.split('?')[0]}: ${r.status} ${answer.error}`);
    return answer;
  }

  async room(name, guests) {
    const { room_id: id } = await this.call('POST', '/_matrix/client/v3/createRoom', { name, preset: 'private_chat', invite: guests.map((g) => g.user) });
    for (const g of guests) await g.call('POST', `/_matrix/client/v3/join/${encodeURIComponent(id)}`, {});
    return id;
  }

  async send(room, content, type = 'm.room.message') {
    const r = await this.call('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/send/${type}/seed${this.n++}`, content);
    return r.event_id;
  }

  say(room, body) {
    return this.send(room, { msgtype: 'm.text', body });
  }

  edit(room, event, body) {
    return this.send(room, { msgtype: 'm.text', body: `* ${body}`, 'm.new_content': { msgtype: 'm.text', body }, 'm.relates_to': { rel_type: 'm.replace', event_id: event } });
  }

  react(room, event, key) {
    return this.send(room, { 'm.relates_to': { rel_type: 'm.annotation', event_id: event, key } }, 'm.reaction');
  }

  read(room, event) {
    return this.call('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(event)}`, {});
  }

  async photo(room, n) {
    const file = picture(n);
    const { content_uri: url } = await this.call('POST', `/_matrix/media/v3/upload?filename=photo-${n}.png`, file, 'image/png');
    return this.send(room, { msgtype: 'm.image', body: `photo-${n}.png`, url, info: { w: side, h: side, mimetype: 'image/png', size: file.length } });
  }
}

const side = 48;

// picture is a small PNG that no other number gives.
export function picture(n) {
  const row = Buffer.alloc(1 + side * 3);
  const rows = [];
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) row.writeUIntBE((n * 7919 + x * 65_793 + y * 5_003) & 0xffffff, 1 + x * 3, 3);
    rows.push(Buffer.from(row));
  }
  const head = Buffer.alloc(13);
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  head.set([8, 2, 0, 0, 0], 8);
  return Buffer.concat([Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head), chunk('IDAT', deflateSync(Buffer.concat(rows))), chunk('IEND', Buffer.alloc(0))]);
}

const crcs = Array.from({ length: 256 }, (_, n) => { let c = n; for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1; return c >>> 0; });

function chunk(type, data) {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  let crc = 0xffffffff;
  for (const b of body) crc = crcs[(crc ^ b) & 255] ^ (crc >>> 8);
  const out = Buffer.alloc(8 + body.length);
  out.writeUInt32BE(data.length, 0);
  body.copy(out, 4);
  out.writeUInt32BE((crc ^ 0xffffffff) >>> 0, 4 + body.length);
  return out;
}

// each does a thing n times, a few at once.
export async function each(n, at, run) {
  let next = 0;
  await Promise.all(Array.from({ length: at }, async () => {
    for (let i = next++; i < n; i = next++) await run(i);
  }));
}

const words = ['Bloods are back, potassium 4.1', 'Bed 4 is ready to go at ten', 'Please chase the CT report', 'On my way', 'NEWS2 is 3, was 5', 'Family arrives at two', 'TTA is written', 'Thanks, seen', 'Can somebody cover bay C for ten minutes?', 'Repeat lactate sent'];

export const line = (i) => `${words[i % words.length]} (${i})`;

// Names as they come: long ones, one long word, right to left, with marks and signs.
const odd = ['Gastroenterology, hepatology and nutrition multidisciplinary team, North and East', 'Pneumonoultramicroscopicsilicovolcanoconiosisinterestgroup', 'فريق العناية المركزة', 'צוות לילה', 'Tîm Nos Ward 7 🌙', 'A'];

export const roomName = (i) => (i % 50 < odd.length ? `${odd[i % 50]} ${i}` : `Team ${String(i).padStart(3, '0')}`);

// largeTrust makes the conversations, and one long one with as many messages. It answers the hands and the ids.
export async function largeTrust(url, { rooms = 300, messages = 10_000, who = 'liam' } = {}) {
  const [me, asha, tom] = await Promise.all([who, 'asha', 'tom'].map((l) => Hand.of(url, l)));
  const ids = [];
  await each(rooms, 6, async (i) => {
    ids[i] = await asha.room(roomName(i), [me, tom]);
    await tom.say(ids[i], line(i));
  });
  const long = await asha.room('The long conversation', [me, tom]);
  const events = [];
  await each(messages, 12, async (i) => { events[i] = await (i % 7 < 3 ? tom : asha).say(long, line(i)); });
  return { me, asha, tom, ids, long, events };
}
