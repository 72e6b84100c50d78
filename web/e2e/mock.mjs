// A stand-in for the server, in memory, for looking at screens before the real one is at hand. Plain and forgetful: it
// checks nothing and is no reference for anything. Usage: node mock.mjs [port] [rung_ms]

import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import { join, extname } from 'node:path';
import { randomUUID } from 'node:crypto';

const port = Number(process.argv[2] ?? 8099);
const rung = Number(process.argv[3] ?? 20_000);
const dist = new URL('../dist/', import.meta.url).pathname;
const S = 'st-elsewhere';
const u = (l) => `@${l}:${S}`;
const people = {
  asha: ['Asha Patel', 'Staff nurse, Ward 7'], tom: ['Tom Reid', 'FY1, Ward 7'], liam: ['Liam Hughes', 'Medical registrar'], grace: ['Grace Obi', 'Medical SHO'],
  ruth: ['Ruth Cole', 'Consultant cardiologist'], maya: ['Maya Lind', 'Site lead'], ken: ['Ken Mbeki', 'Cardiology registrar'], jo: ['Jo Marsh', 'Healthcare assistant, Ward 7'],
};
const now = () => Date.now();
const until = () => { const d = new Date(); d.setHours(20, 0, 0, 0); return d.getTime() < now() ? now() + 8 * 3600e3 : d.getTime(); };
const posts = [
  ['po_reg', 'Medical registrar on call', 'Medicine', 'liam'], ['po_sho', 'Medical SHO 1', 'Medicine', 'grace'], ['po_sho2', 'Medical SHO 2', 'Medicine', null], ['po_fy1', 'FY1 Ward 7', 'Medicine', 'tom'],
  ['po_nic', 'Ward 7 nurse in charge', 'Ward 7', 'asha'], ['po_card', 'Cardiology registrar', 'Medicine', 'ken'], ['po_site', 'Site lead', 'Site', 'maya'],
].map(([id, name, service, h]) => ({ id, name, service, h, pageable: true }));
const patients = [
  ['pt_jones', '9990000018', 'Jones', 'Raj', 'Mr', '1963-05-02', 63, 'Ward 7', '12', '12', 'Dr Ruth Cole', 'H104223', ['Penicillin: anaphylaxis'], []],
  ['pt_smith', '9434765919', 'Smith', 'Ann', 'Mrs', '1951-03-03', 75, 'Ward 7', '4', 'B4', 'Dr Ruth Cole', 'H104224', [], ['Large print', 'Hearing aid left']],
  ['pt_okafor', '9990000026', 'Okafor', 'Blessing', 'Ms', '1988-11-19', 38, 'Ward 7', 'C2', 'C2', 'Dr Ruth Cole', 'H104225', [], []],
].map(([id, nhs_number, family, given, title, born, age, ward, bed, plate, consultant, hospital_number, alerts, needs]) => ({ id, nhs_number, family, given, title, born, age, ward, bed, plate, consultant, hospital_number, alerts, needs, room_id: '' }));

let pos = 1;
const rooms = new Map();
const txns = new Map();
const media = new Map();
const pages = new Map();
const typing = new Map();
const waiters = new Set();
const sessions = new Map();
const conns = new Map();

function wake() { pos++; for (const w of [...waiters]) w(); }
function room(name, members, { dm = false, patient = null, cls = 'team' } = {}) {
  const id = `!${randomUUID().slice(0, 8)}:${S}`;
  const r = { id, name, dm, members: members.map(u), events: [], receipts: new Map(), receiptPos: 0, typingPos: 0, reads: new Map() };
  rooms.set(id, r);
  put(r, u(members[0]), 'm.room.create', { room_version: '12' }, '', now() - 90 * 3600e3);
  for (const m of members) put(r, u(m), 'm.room.member', { membership: 'join', displayname: people[m][0] }, u(m), now() - 90 * 3600e3);
  if (name && !dm) put(r, u(members[0]), 'm.room.name', { name }, '', now() - 90 * 3600e3);
  put(r, u(members[0]), 'uk.wardline.room', { class: cls }, '', now() - 90 * 3600e3);
  if (patient) { put(r, u(members[0]), 'uk.wardline.patient', { id: patient.id, plate: patient.plate, name: `${patient.family.toUpperCase()}, ${patient.given}`, ward: patient.ward, bed: patient.bed }, '', now() - 90 * 3600e3); patient.room_id = id; }
  return r;
}
function put(r, sender, type, content, state_key, ts = now(), extra = {}) {
  const e = { event_id: `$${randomUUID()}`, type, sender, content, origin_server_ts: ts, room_id: r.id, p: ++pos, ...extra };
  if (state_key !== undefined) e.state_key = state_key;
  r.events.push(e);
  if (type === 'm.room.redaction') { const t = r.events.find((x) => x.event_id === content.redacts); if (t) { t.content = {}; t.unsigned = { redacted_because: e }; } }
  wake();
  return e;
}
const say = (r, who, body, ts, extra = {}) => put(r, u(who), 'm.room.message', { msgtype: 'm.text', body, ...extra }, undefined, ts);
const M = 60e3;
const ward = room('Ward 7 doctors and nurses', ['asha', 'tom', 'liam', 'grace', 'ruth', 'maya', 'ken', 'jo']);
for (let i = 0; i < 620; i++) say(ward, ['tom', 'asha', 'grace', 'jo', 'liam'][(i * 7 + (i % 5)) % 5], [`Bay ${'ABCD'[i % 4]} round done, obs stable (${i + 1})`, 'Thanks', `Bed ${i % 24 + 1} needs a cannula, can somebody come before the drug round?`, 'On my way', `Repeat bloods sent at ${8 + (i % 12)}:15, **K 4.${i % 9}**`][i % 5], now() - (640 - i) * 5 * M);
const q = say(ward, 'liam', 'I’ll take bay C, Grace has bay D', now() - 9 * M);
put(ward, u('grace'), 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: q.event_id, key: '👍' } });
const smith = room('', ['asha', 'tom', 'liam', 'grace'], { patient: patients[1], cls: 'clinical' });
const k = say(smith, 'asha', 'K⁺ 6.1 on the gas, ECG attached. Bed 4.', now() - 50 * M);
say(smith, 'liam', 'Peaked T waves in V3 and V4, agree. With you in 4 min.', now() - 46 * M, { 'm.relates_to': { 'm.in_reply_to': { event_id: k.event_id } } });
const plan = say(smith, 'liam', 'Treat as hyperkalaemia: 30 mL calcium gluconate 10 %, then insulin and glucose. Repeat K⁺ at 08:30.', now() - 45 * M);
put(smith, u('liam'), 'm.room.message', { msgtype: 'm.notice', body: 'Decision, for the record', 'm.relates_to': { rel_type: 'm.reference', event_id: plan.event_id }, 'uk.wardline.decision': { id: 'dc_1', event_id: plan.event_id, by: u('liam'), name: 'Liam Hughes', at: now() - 44 * M }, 'uk.wardline.filing': { decision: 'dc_1', status: 'filed', at: now() - 43 * M, record_id: 'DocumentReference/123' } }, undefined, now() - 44 * M);
put(smith, u('asha'), 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: plan.event_id, key: '👍' } });
put(smith, u('tom'), 'm.reaction', { 'm.relates_to': { rel_type: 'm.annotation', event_id: plan.event_id, key: '👍' } });
say(smith, 'tom', 'Repeat K⁺ sent, lab says 20 min. @Grace Obi can we have a monitored bed?', now() - 30 * M);
say(smith, 'asha', 'Yes, moving her to bay A now.', now() - 29 * M);
const jones = room('', ['asha', 'tom', 'liam'], { patient: patients[0], cls: 'clinical' });
say(jones, 'asha', 'Spiking again, 38.6. Cultures taken.', now() - 200 * M);
const dm = room('', ['asha', 'tom'], { dm: true });
say(dm, 'tom', 'Can you countersign the fluids for bed 9?', now() - 70 * M);
const tea = room('Tea club', ['jo', 'asha', 'tom', 'grace'], { cls: 'social' });
say(tea, 'jo', 'Whoever finished the biscuits: the tin is a public service', now() - 26 * 60 * M);
for (const r of rooms.values()) for (const m of r.members) if (m !== u('asha')) read(r, m, r.events.at(-1).event_id);
for (const r of [smith, dm]) read(r, u('asha'), r.events.at(-3)?.event_id);
for (const r of [ward, jones, tea]) read(r, u('asha'), r.events.at(-2).event_id);

function read(r, user, ev) { r.receipts.set(user, { ev, ts: now() }); r.receiptPos = ++pos; wake(); }
function unread(r, user) { const at = r.events.findIndex((e) => e.event_id === r.receipts.get(user)?.ev); return r.events.slice(at + 1).filter((e) => e.type === 'm.room.message' && e.sender !== user && !e.content['uk.wardline.page.step']).length; }
function member(r, user) { return r.events.findLast((e) => e.type === 'm.room.member' && e.state_key === user); }
function out(e, user, device) { const { p, txn, dev, room_id, ...rest } = e; return txn && e.sender === user && dev === device ? { ...rest, unsigned: { ...rest.unsigned, transaction_id: txn } } : rest; }

function sync(s, body) {
  const key = `${s.device}/${body.conn_id}`;
  const since = body.pos ? Number(body.pos) : 0;
  if (since === 0) conns.set(key, new Map());
  const sent = conns.get(key);
  if (!sent || since > pos) return { errcode: 'M_UNKNOWN_POS', error: 'start again' };
  const mine = [...rooms.values()].filter((r) => r.members.includes(s.user)).sort((a, b) => b.events.at(-1).p - a.events.at(-1).p);
  const answer = { pos: String(pos), lists: { all: { count: mine.length } }, rooms: {}, extensions: { typing: { rooms: {} }, receipts: { rooms: {} }, account_data: { global: [], rooms: {} } } };
  const next = new Map(sent);
  mine.forEach((r, i) => {
    let limit = 0;
    for (const l of Object.values(body.lists ?? {})) if (i >= l.range[0] && i <= l.range[1]) limit = Math.max(limit, l.timeline_limit);
    if (body.room_subscriptions?.[r.id]) limit = Math.max(limit, body.room_subscriptions[r.id].timeline_limit);
    if (limit === 0) return;
    const had = sent.get(r.id);
    const initial = had === undefined;
    const fresh = r.events.filter((e) => e.p > since);
    const wider = !initial && limit > had.limit;
    const receipts = r.receiptPos > since || initial;
    if (initial || fresh.length || wider) {
      const list = initial || wider ? r.events.slice(-Math.max(limit, 1)) : fresh.slice(-Math.max(limit, 1));
      const senders = new Set(list.map((e) => e.sender));
      answer.rooms[r.id] = {
        initial: initial || undefined, is_dm: r.dm, membership: 'join', bump_stamp: r.events.at(-1).p, joined_count: r.members.length, notification_count: unread(r, s.user), highlight_count: 0,
        name: r.name || undefined, heroes: r.name ? undefined : r.members.filter((m) => m !== s.user).map((m) => ({ user_id: m, displayname: member(r, m).content.displayname })),
        timeline_events: list.map((e) => out(e, s.user, s.device)), prev_batch: String(r.events.indexOf(list[0])), limited: list[0] !== r.events[0] && (initial || fresh.length > list.length), expanded_timeline: wider || undefined, num_live: since ? fresh.length : 0,
        required_state: initial ? r.events.filter((e) => e.state_key !== undefined && (e.type !== 'm.room.member' || senders.has(e.state_key))).map((e) => out(e, s.user, s.device)) : r.events.filter((e) => e.type === 'm.room.member' && senders.has(e.state_key)).map((e) => out(e, s.user, s.device)),
      };
    } else if (receipts && r.readBy === s.user) answer.rooms[r.id] = { notification_count: unread(r, s.user) };
    next.set(r.id, { limit: Math.max(limit, had?.limit ?? 0) });
    if (receipts) { const c = {}; for (const [user, x] of r.receipts) ((c[x.ev] ??= { 'm.read': {} })['m.read'])[user] = { ts: x.ts }; answer.extensions.receipts.rooms[r.id] = { type: 'm.receipt', content: c }; const own = r.receipts.get(s.user); if (own) answer.extensions.account_data.rooms[r.id] = [{ type: 'm.fully_read', content: { event_id: own.ev } }]; }
    if (r.typingPos > since) answer.extensions.typing.rooms[r.id] = { type: 'm.typing', content: { user_ids: [...(typing.get(r.id) ?? [])] } };
  });
  const empty = !Object.keys(answer.rooms).length && !Object.keys(answer.extensions.receipts.rooms).length && !Object.keys(answer.extensions.typing.rooms).length;
  if (!empty || !body.timeout) conns.set(key, next);
  return empty ? { ...answer, empty: true } : answer;
}

const holder = (p) => p.h ? { user: u(p.h), name: people[p.h][0], since: now() - 3600e3, until: until() } : null;
const ladder = ['po_reg', 'po_sho', 'po_site'];
function step(pg, kind, who, note = '', post_name = '') {
  pg.seq++;
  pg.steps.push({ kind, at: now(), user: who ?? '', name: who ? people[who.slice(1).split(':')[0]]?.[0] ?? '' : '', post_name, note });
  const r = rooms.get(pg.room_id);
  const c = { 'uk.wardline.page.step': pg.steps.at(-1), 'uk.wardline.page': structuredClone(pg), 'm.relates_to': { rel_type: 'm.reference', event_id: pg.event_id } };
  if (kind === 'reached' || kind === 'seen') put(r, who, 'uk.wardline.page.step', c);
  else put(r, pg.from.user, 'm.room.message', { msgtype: 'm.notice', body: kind, ...c });
}
function put2rung(pg, n) {
  const post = posts.find((p) => p.id === ladder[n]);
  const nextPost = posts.find((p) => p.id === ladder[n + 1]);
  const h = holder(post);
  pg.current = { rung: n, post: { id: post.id, name: post.name }, user: h.user, name: h.name, since: now(), due_at: nextPost ? now() + rung : 0 };
  pg.next = nextPost ? { post: { id: nextPost.id, name: nextPost.name }, name: holder(nextPost).name } : null;
  const r = rooms.get(pg.room_id);
  if (!r.members.includes(h.user)) { r.members.push(h.user); put(r, pg.from.user, 'm.room.member', { membership: 'join', displayname: h.name }, h.user); }
  clearTimeout(pg.timer); Object.defineProperty(pg, 'timer', { enumerable: false, configurable: true, value: nextPost ? setTimeout(() => { if (pg.status === 'open') { put2rung(pg, n + 1); step(pg, 'passed', pg.current.user, '', pg.current.post.name); } }, rung) : 0 });
}

const routes = {
  'POST /session': (b, s, res) => { const l = (b.user ?? b.token ?? '').replace(/^@|:.*/g, ''); if (!people[l] || (b.password && b.password === 'wrong')) return [403, { errcode: 'M_FORBIDDEN', error: 'no' }]; const id = randomUUID(); sessions.set(id, { user: u(l), device: id.slice(0, 8), l }); res.setHeader('Set-Cookie', `wl_session=${id}; HttpOnly; SameSite=Strict; Path=/`); return [200, me(sessions.get(id))]; },
  'GET /session': (b, s) => [200, me(s)],
  'DELETE /session': (b, s) => { sessions.delete(s.id); return [200, {}]; },
  'GET /directory': (b, s, res, url) => { const words = (url.searchParams.get('q') ?? '').toLowerCase(); const kinds = url.searchParams.get('kind') ?? ''; const ids = url.searchParams.getAll('user');
    const list = []; if (kinds.includes('post')) for (const p of posts) if (p.name.toLowerCase().includes(words)) list.push({ kind: 'post', id: p.id, name: p.name, detail: p.h ? `${people[p.h][0]} until 20:00` : '', holder: holder(p) });
    if (kinds.includes('person')) for (const [l, [name, detail]] of Object.entries(people)) if (ids.length ? ids.includes(u(l)) : `${name} ${detail}`.toLowerCase().includes(words)) list.push({ kind: 'person', id: u(l), name, detail, on_duty: posts.some((p) => p.h === l), posts: posts.filter((p) => p.h === l).map((p) => p.name) }); return [200, { results: list }]; },
  'GET /posts': () => [200, { posts: posts.map((p) => ({ id: p.id, name: p.name, service: p.service, holder: holder(p), next: null, pageable: true })) }],
  'POST /patients/search': (b) => [200, { patients: patients.filter((p) => !b.q || `${p.family} ${p.given} ${p.nhs_number} bed ${p.bed} ${p.plate}`.toLowerCase().includes(b.q.toLowerCase())) }],
  'GET /patients': () => [200, { patients }],
  'POST /groups': (b, s) => { const r = room(b.name, [s.l, ...b.people.map((x) => x.slice(1).split(':')[0]), ...b.posts.map((id) => posts.find((p) => p.id === id)?.h).filter(Boolean)].filter((x, i, a) => a.indexOf(x) === i), { cls: b.class, patient: patients.find((p) => p.id === b.patient) ?? null }); return [200, { room_id: r.id }]; },
  'POST /directs': (b, s) => { const old = [...rooms.values()].find((r) => r.dm && r.members.includes(b.user) && r.members.includes(s.user)); return [200, { room_id: (old ?? room('', [s.l, b.user.slice(1).split(':')[0]], { dm: true })).id }]; },
  'POST /pages/preview': (b) => [200, { post: { id: b.post, name: posts.find((p) => p.id === b.post)?.name }, steps: ladder.map((id, i) => { const p = posts.find((x) => x.id === id); return { after_ms: i * rung, post: { id, name: p.name }, holder: holder(p), reach: [{ via: 'app', detail: 'live 40 s ago' }] }; }), then: 'Switchboard rings' }],
  'POST /pages': (b, s) => { if (txns.has(b.txn)) return [200, txns.get(b.txn)]; const pt = patients.find((p) => p.id === b.patient); const r = pt ? rooms.get(pt.room_id) ?? room('', [s.l], { patient: pt, cls: 'clinical' }) : rooms.get(b.room) ?? ward; const post = posts.find((p) => p.id === b.post);
    const pg = { id: `pg_${randomUUID().slice(0, 6)}`, event_id: '', room_id: r.id, seq: 1, urgency: b.urgency, post: { id: post.id, name: post.name }, patient: pt ? { id: pt.id, plate: pt.plate, name: `${pt.family.toUpperCase()}, ${pt.given}` } : null, where: b.where, what: b.what, need: b.need, callback: b.callback, from: { user: s.user, name: people[s.l][0], role: people[s.l][1] }, raised_at: now(), status: 'open', accepted: null, exhausted: false, steps: [{ kind: 'sent', at: now(), user: s.user, name: people[s.l][0], post_name: '', note: '' }] };
    put2rung(pg, 0); const e = put(r, s.user, 'm.room.message', { msgtype: 'm.text', body: 'Urgent page', 'uk.wardline.page': structuredClone(pg) }); pg.event_id = e.event_id; e.content['uk.wardline.page'].event_id = e.event_id; pages.set(pg.id, pg); txns.set(b.txn, pg); return [200, pg]; },
  'GET /pages': (b, s, res, url) => [200, { now: now(), pages: [...pages.values()].filter((p) => url.searchParams.get('box') === 'mine' ? p.status === 'open' && p.current.user === s.user : p.from.user === s.user) }],
  'POST /decisions': (b, s) => { const r = rooms.get(b.room); const d = { id: `dc_${randomUUID().slice(0, 5)}`, event_id: b.event_id, by: s.user, name: people[s.l][0], at: now() }; const rel = { 'm.relates_to': { rel_type: 'm.reference', event_id: b.event_id } };
    put(r, s.user, 'm.room.message', { msgtype: 'm.notice', body: 'Decision', ...rel, 'uk.wardline.decision': d, 'uk.wardline.filing': { decision: d.id, status: 'waiting', at: now(), record_id: '' } }); setTimeout(() => put(r, s.user, 'uk.wardline.filing', { ...rel, 'uk.wardline.filing': { decision: d.id, status: 'filed', at: now(), record_id: 'DocumentReference/9' } }), 3000); return [200, { decision: d }]; },
  'GET /policy': () => [200, { max_photo_px: 2048 }],
};
function me(s) { return { user_id: s.user, device_id: s.device, name: people[s.l][0], role: people[s.l][1], posts: posts.filter((p) => p.h === s.l).map((p) => ({ id: p.id, name: p.name, until: until() })), demo: true }; }

function api(method, path, b, s, res, url) {
  const fixed = routes[`${method} ${path}`];
  if (fixed) return fixed(b, s, res, url);
  let m = /^\/patients\/(\w+)$/.exec(path); if (m) return [200, patients.find((p) => p.id === m[1])];
  m = /^\/groups\/([^/]+)\/members$/.exec(path); if (m) { const r = rooms.get(decodeURIComponent(m[1])); const ids = [...b.people, ...b.posts.map((id) => u(posts.find((p) => p.id === id).h))].filter((x) => !r.members.includes(x)); for (const id of ids) { r.members.push(id); put(r, s.user, 'm.room.member', { membership: 'join', displayname: people[id.slice(1).split(':')[0]][0] }, id); } return [200, { added: ids }]; }
  m = /^\/pages\/(\w+)(?:\/(\w+))?$/.exec(path); if (m) { const pg = pages.get(m[1]); if (!pg) return [404, { errcode: 'M_NOT_FOUND', error: 'no' }]; const mine = pg.status === 'open' && pg.current.user === s.user; const has = (kind) => pg.steps.some((x) => x.kind === kind && x.user === s.user && x.at >= pg.current.since);
    if (m[2] === 'reached' && mine && !has('reached')) step(pg, 'reached', s.user); if (m[2] === 'seen' && mine && !has('seen')) step(pg, 'seen', s.user);
    if (m[2] === 'answer') { if (!mine) return [403, { errcode: 'M_FORBIDDEN', error: 'It is not yours to answer now' }]; if (b.answer === 'accept') { pg.status = 'accepted'; pg.accepted = { user: s.user, name: people[s.l][0], at: now(), eta_minutes: b.eta_minutes }; clearTimeout(pg.timer); step(pg, 'accepted', s.user); } else { step(pg, 'declined', s.user, b.reason); put2rung(pg, pg.current.rung + 1); step(pg, 'passed', pg.current.user, '', pg.current.post.name); } }
    if (m[2] === 'withdraw') { pg.status = 'withdrawn'; clearTimeout(pg.timer); step(pg, 'withdrawn', s.user); } return [200, pg]; }
  return [404, { errcode: 'M_UNRECOGNIZED', error: path }];
}

async function matrix(method, path, b, s, res, url, raw, type) {
  if (path === '/v4/sync') { for (let i = 0; ; i++) { const a = sync(s, b); if (!a.empty || !b.timeout) { delete a.empty; return [a.errcode ? 400 : 200, a]; } const more = await new Promise((ok) => { const t = setTimeout(() => done(false), b.timeout); const done = (v) => { waiters.delete(w); clearTimeout(t); ok(v); }; const w = () => done(true); waiters.add(w); res.on('close', () => done(false)); }); if (!more) return [200, { ...sync(s, { ...b, timeout: 0 }), empty: undefined }]; } }
  let m = /^\/v3\/rooms\/([^/]+)\/(.+)$/.exec(path);
  if (m) { const r = rooms.get(decodeURIComponent(m[1])); const rest = m[2].split('/').map(decodeURIComponent);
    if (rest[0] === 'messages') { const at = Number(url.searchParams.get('from')); const n = Number(url.searchParams.get('limit')); const chunk = r.events.slice(Math.max(0, at - n), at).reverse(); return [200, { chunk: chunk.map((e) => out(e, s.user, s.device)), start: String(at), end: at - n > 0 ? String(at - n) : undefined }]; }
    if (rest[0] === 'members') return [200, { chunk: r.members.map((x) => out(member(r, x), '', '')) }];
    if (rest[0] === 'context') return [200, { start: String(r.events.findIndex((e) => e.event_id === rest[1])) }];
    if (rest[0] === 'send' || rest[0] === 'redact') { const t = rest[2]; const old = txns.get(s.device + t); if (old) return [200, old]; const e = put(r, s.user, rest[0] === 'send' ? rest[1] : 'm.room.redaction', rest[0] === 'send' ? b : { redacts: rest[1] }, undefined, now(), { txn: t, dev: s.device }); txns.set(s.device + t, { event_id: e.event_id }); return [200, { event_id: e.event_id }]; }
    if (rest[0] === 'read_markers') { r.readBy = s.user; read(r, s.user, b['m.read']); return [200, {}]; }
    if (rest[0] === 'typing') { const set = typing.get(r.id) ?? new Set(); if (b.typing) set.add(s.user); else set.delete(s.user); typing.set(r.id, set); r.typingPos = ++pos; wake(); return [200, {}]; } }
  if (path === '/media/v3/upload' || path.startsWith('/../media')) { const id = randomUUID(); media.set(id, { raw, type }); return [200, { content_uri: `mxc://${S}/${id}` }]; }
  m = /^\/v1\/media\/(?:download|thumbnail)\/[^/]+\/([^/]+)$/.exec(path);
  if (m) { const f = media.get(m[1]); if (!f) return [404, {}]; res.setHeader('Content-Type', f.type); res.end(f.raw); return null; }
  return [404, { errcode: 'M_UNRECOGNIZED', error: path }];
}

const types = { '.js': 'text/javascript', '.css': 'text/css', '.html': 'text/html; charset=utf-8', '.svg': 'image/svg+xml', '.woff2': 'font/woff2', '.png': 'image/png', '.webmanifest': 'application/manifest+json' };
const csp = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self'; font-src 'self'; worker-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types svelte-trusted-html wardline";
createServer(async (req, res) => {
  const url = new URL(req.url, 'http://x');
  const parts = []; for await (const c of req) parts.push(c); const raw = Buffer.concat(parts);
  let b = {}; try { b = JSON.parse(raw.toString() || '{}'); } catch { /* media */ }
  const sid = /wl_session=([\w-]+)/.exec(req.headers.cookie ?? '')?.[1]; const s = sessions.get(sid); if (s) s.id = sid;
  const json = (r) => { if (!r || res.writableEnded) return; res.writeHead(r[0], { 'Content-Type': 'application/json' }); res.end(JSON.stringify(r[1])); };
  if (url.pathname.startsWith('/_')) {
    if (!s && !(req.method === 'POST' && url.pathname.endsWith('/session'))) return json([401, { errcode: 'M_UNKNOWN_TOKEN', error: 'signed out' }]);
    if (url.pathname.startsWith('/_wardline/v1')) return json(api(req.method, url.pathname.slice(13), b, s, res, url));
    return json(await matrix(req.method, url.pathname.startsWith('/_matrix/media') ? '/media/v3/upload' : url.pathname.slice(15), b, s, res, url, raw, req.headers['content-type']));
  }
  const file = join(dist, url.pathname === '/' ? 'index.html' : url.pathname);
  if (!existsSync(file)) { res.writeHead(404); return res.end(); }
  res.writeHead(200, { 'Content-Type': types[extname(file)] ?? 'application/octet-stream', 'Content-Security-Policy': csp, 'Cache-Control': 'no-cache' });
  res.end(readFileSync(file));
}).listen(port, '127.0.0.1', () => console.log(`http://127.0.0.1:${port}`));
