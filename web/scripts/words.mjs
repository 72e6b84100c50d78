// Finds the sentences that a person reads in the app's source: those that go through t() and those that do not yet.
//
//   node scripts/words.mjs                 what the Welsh file covers; fails when it holds a sentence that no screen says any more
//   node scripts/words.mjs bare [FILE…]    sentences that do not go through t()
//   node scripts/words.mjs wrap FILE…      puts t() around them; read the result, word order is a person's work
//   node scripts/words.mjs missing         the keys that have no Welsh yet, as JSON to fill in

import { readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import MagicString from 'magic-string';
import { parse } from 'svelte/compiler';

const root = new URL('..', import.meta.url).pathname;
const attributes = new Set(['aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'placeholder', 'title', 'alt', 'label', 'hint', 'words', 'name', 'what', 'detail', 'empty', 'data-label']);
const native = new Set(['aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'placeholder', 'title', 'alt']);
const silent = new Set(['text', 'part', 'querySelector', 'querySelectorAll', 'closest', 'matches', 'getElementById', 'addEventListener', 'removeEventListener', 'call', 'getItem', 'setItem', 'removeItem', 'to', 'go', 'replace', 'back', 'includes', 'startsWith', 'endsWith', 'indexOf', 'split', 'matchMedia', 'heed', 'createElement', 'setAttribute', 'getContext', 'postMessage', 'dispatchEvent', 'setProperty', 'RegExp', 'Error', 'TypeError', 'test', 'get', 'execCommand', 'DateTimeFormat', 'NumberFormat', 'Worker', 'BroadcastChannel', 'request', 'post', 'bump', 'isTypeSupported', 'setState', 'warn', 'tell', 'heard', 'announce']);

// files are the source files that may hold words, relative to web/.
export function files() {
  const walk = (dir) => readdirSync(join(root, dir)).flatMap((n) => (statSync(join(root, dir, n)).isDirectory() ? walk(`${dir}/${n}`) : [`${dir}/${n}`]));
  return walk('src').filter((f) => /\.(svelte|ts)$/.test(f) && !f.endsWith('.d.ts') && !f.startsWith('src/words/') && !f.startsWith('src/sw/'));
}

// What only looks like words: names for the machine, units, and what other apps show to others.
const machine = new Set(['Wardline', 'English', 'Cymraeg', 'web {slice}', 'disk {seq}', 'room {room}', 'out {room}', 'rest:{replace}', '{round} kB', '{max} kB', '{toFixed} MB', 'Poll: {question}\n{list}']);
const MARKUP = { type: 'Markup' };
const letters = (s) => /\p{L}{2}/u.test(s);

// reads says whether a string in code looks like something for a person.
function reads(s) {
  if (!letters(s) || /^[.#/@[<]|^https?:|^mxc:|^m\.|^uk\.|^data:|[{}]|<\w|\w=\w|^\w+\/|^\d+px|--|^\(/.test(s)) return false;
  if (/^[A-Z][a-z’]+[.…?!]?$/.test(s)) return true;
  return /\p{L}{2}[^\p{L}]*\s+\S/u.test(s) && /^[\p{Lu}"“‘(]|\s\p{Ll}{2}|[.?!…]$/u.test(s) && !/^(is|has|icon|button|box|card|line|small|soft|tag|caption|notice|wardline|web|room|user)[- ]/.test(s) && !/[:;]\s?\w+(px|rem|%)/.test(s);
}

const callee = (n) => (n.type === 'Identifier' ? n.name : n.type === 'MemberExpression' && !n.computed ? n.property.name : n.type === 'Import' ? 'import' : '');

const known = new Map();

// scan answers the file's keys, and its bare sentences as edits.
export function scan(path) {
  if (known.has(path)) return known.get(path);
  const source = readFileSync(join(root, path), 'utf8');
  const svelte = path.endsWith('.svelte');
  const head = svelte ? '' : '<script lang="ts" module>\n';
  const code = svelte ? source : `${head}${source}\n</script>`;
  const ast = parse(code, { modern: true });
  const out = { path, source, head, keys: [], bare: [], shadows: false, ast, code };
  const skip = new Set();

  const literal = (node) => (node.type === 'Literal' && typeof node.value === 'string' ? node.value : node.type === 'TemplateLiteral' && node.expressions.length === 0 ? node.quasis[0].value.cooked : undefined);

  function js(node, up, depth) {
    if (!node || typeof node !== 'object' || skip.has(node)) return;
    if (Array.isArray(node)) { for (const n of node) js(n, up, depth); return; }
    if (typeof node.type !== 'string') return;
    const parent = up[up.length - 1];
    if (/^(ImportDeclaration|ExportAllDeclaration|ImportExpression|TS(?!AsExpression|NonNull|Satisfies))/.test(node.type)) return;
    if (node.type === 'VariableDeclarator' && node.id.type === 'Identifier' && node.id.name === 't') out.shadows = true;
    if (/Function/.test(node.type) && node.params.some((p) => p.type === 'Identifier' && p.name === 't')) out.shadows = true;
    if (node.type === 'CallExpression') {
      const name = callee(node.callee);
      const [a, b, c] = node.arguments;
      if (['t', 'told', 'english'].includes(name)) {
        const key = a && literal(a);
        if (key !== undefined) out.keys.push({ key, many: false, at: node.start });
        else if (a?.type === 'ConditionalExpression') for (const x of [a.consequent, a.alternate]) if (literal(x) !== undefined) out.keys.push({ key: literal(x), many: false, at: node.start });
        js(node.arguments.slice(1), [...up, node], depth);
        return;
      }
      if (name === 'many') {
        if (literal(c) !== undefined) out.keys.push({ key: literal(c), one: literal(b), many: true, at: node.start });
        js([a, ...node.arguments.slice(3)], [...up, node], depth);
        return;
      }
    }
    const value = literal(node);
    if (value !== undefined) { if (((reads(value) || (letters(value) && shown(node, up))) && speaks(node, up))) out.bare.push({ start: node.start, end: node.end, key: value, fill: [] }); return; }
    if (node.type === 'TemplateLiteral') {
      const whole = node.quasis.map((q) => q.value.cooked).join(' ');
      const joined = node.quasis.map((q) => q.value.cooked).join('{}');
      if (letters(joined) && (shown(node, up) || /\{\}[\s,(:]+\p{L}{2,}|\p{L}{2,}[\s:,]+\{\}/u.test(joined)) && !/^[./#]|\/_|https?:|<\w|=\{\}|\w:\s?\{\}(px|%|deg)|^\{\}[/#]|translate|rotate/.test(joined) && speaks(node, up) && parent?.type !== 'TaggedTemplateExpression') {
        out.bare.push({ start: node.start, end: node.end, ...sentence(node.quasis.flatMap((q, i) => [q.value.cooked, node.expressions[i]]).filter((x) => x !== undefined)) });
        for (const e of node.expressions) js(e, [...up, node], depth);
        return;
      }
    }
    const inner = /Function/.test(node.type) || (node.type === 'MethodDefinition') ? depth + 1 : depth;
    for (const k of Object.keys(node)) {
      if (['type', 'start', 'end', 'loc', 'parent', 'typeAnnotation', 'returnType', 'typeParameters', 'typeArguments', 'superTypeParameters', 'leadingComments', 'trailingComments', 'metadata'].includes(k)) continue;
      if ((node.type === 'Property' || node.type === 'PropertyDefinition' || node.type === 'MethodDefinition') && k === 'key' && !node.computed) continue;
      if (node.type === 'MemberExpression' && k === 'property') continue;
      js(node[k], [...up, node], inner);
    }
  }

  // shown is true for what is filled into a sentence or stands in the markup by itself, be it a single small word.
  function shown(node, up) {
    let child = node;
    for (let i = up.length - 1; i >= 0; i--) {
      const p = up[i];
      if (p === MARKUP) return true;
      if (p.type === 'ConditionalExpression' ? p.test === child : p.type !== 'LogicalExpression' && p.type !== 'TemplateLiteral') {
        return p.type === 'Property' && up[i - 1]?.type === 'ObjectExpression' && up[i - 2]?.type === 'CallExpression' && ['t', 'many'].includes(callee(up[i - 2].callee));
      }
      child = p;
    }
    return false;
  }

  // speaks is false where a string is a name for the machine.
  function speaks(node, up) {
    const parent = up[up.length - 1];
    if (!parent) return true;
    if (parent.type === 'BinaryExpression' && parent.operator !== '+') return false;
    if (parent.type === 'SwitchCase' && parent.test === node) return false;
    if (parent.type === 'Property' && parent.key.name === 'key') return false;
    for (let i = up.length - 1; i >= 0; i--) {
      const p = up[i];
      if (/Function/.test(p.type)) break;
      if (p.type === 'CallExpression' || p.type === 'NewExpression') { if (silent.has(callee(p.callee))) return false; break; }
    }
    return true;
  }

  // sentence makes one key of words and expressions.
  function sentence(pieces) {
    const fill = [];
    let key = '';
    for (const p of pieces) {
      if (typeof p === 'string') { key += p; continue; }
      let name = nameOf(p);
      while (fill.some((f) => f.name === name && code.slice(f.node.start, f.node.end) !== code.slice(p.start, p.end))) name = `${name.replace(/\d+$/, '')}${Number(/\d+$/.exec(name)?.[0] ?? 1) + 1}`;
      if (!fill.some((f) => f.name === name)) fill.push({ name, node: p });
      key += `{${name}}`;
    }
    return { key, fill };
  }

  function nameOf(e) {
    if (e.type === 'Identifier') return e.name;
    if (e.type === 'MemberExpression' && !e.computed) return e.property.name;
    if (e.type === 'CallExpression') { const n = callee(e.callee); return ({ clock: 'time', clockSeconds: 'time', ago: 'when', date: 'date', until: 'until', plural: 'count', span: 'time', nameOf: 'name', sizeWords: 'size', join: 'list', born: 'born', nhs: 'nhs' })[n] ?? (/^[a-z]\w+$/.test(n) ? n : 'x'); }
    if (e.type === 'TSNonNullExpression' || e.type === 'TSAsExpression' || e.type === 'AwaitExpression') return nameOf(e.expression ?? e.argument);
    if (e.type === 'LogicalExpression') return nameOf(e.left);
    return 'x';
  }

  function fragment(nodes) {
    let run = [];
    const flush = () => { if (run.length > 0) textRun(run); run = []; };
    for (const n of nodes) {
      if (n.type === 'Text' || n.type === 'ExpressionTag') run.push(n);
      else { flush(); markup(n); }
    }
    flush();
  }

  function textRun(run) {
    const texts = run.filter((n) => n.type === 'Text');
    if (!texts.some((n) => letters(n.data))) { for (const n of run) if (n.type === 'ExpressionTag') js(n.expression, [MARKUP], 1); return; }
    // Expressions that only lead or follow, apart by white space, still belong to the sentence: where they stand is the translator's to say.
    let parts = run.map((n) => (n.type === 'Text' ? n.data.replace(/\s+/g, ' ') : n.expression));
    let [start, end] = [run[0].start, run[run.length - 1].end];
    if (typeof parts[0] === 'string') { const l = run[0].raw.length - run[0].raw.trimStart().length; start += l; parts[0] = parts[0].trimStart(); }
    const last = parts.length - 1;
    if (typeof parts[last] === 'string') { const n = run[last]; end -= n.raw.length - n.raw.trimEnd().length; parts[last] = parts[last].trimEnd(); }
    parts = parts.filter((p) => p !== '');
    const s = sentence(parts);
    out.bare.push({ start, end, markup: true, ...s });
    for (const p of parts) if (typeof p !== 'string') js(p, [MARKUP], 1);
  }

  function markup(n) {
    if (!n || typeof n !== 'object') return;
    for (const a of n.attributes ?? []) {
      if (a.type === 'Attribute') {
        if (a.value === true) continue;
        const list = Array.isArray(a.value) ? a.value : [a.value];
        const component = n.type === 'Component' || n.type === 'SvelteComponent';
        const wanted = native.has(a.name) || (component && attributes.has(a.name));
        const texts = list.filter((v) => v.type === 'Text');
        if (texts.length > 0 && wanted && texts.some((v) => letters(v.data)) && !(component && !native.has(a.name) && !texts.some((v) => reads(v.data)))) {
          const [first, final] = [list[0], list[list.length - 1]];
          const q = code[first.start - 1] === '"' || code[first.start - 1] === "'" ? 1 : 0;
          out.bare.push({ start: first.start - q, end: final.end + q, markup: true, ...sentence(list.map((v) => (v.type === 'Text' ? v.data : v.expression))) });
          for (const v of list) if (v.type === 'ExpressionTag') js(v.expression, [], 1);
        } else for (const v of list) if (v.type === 'ExpressionTag' && (component || wanted || list.length === 1) && !['class', 'href', 'src', 'style', 'id', 'type', 'd'].includes(a.name)) js(v.expression, [], 1);
      } else if (a.expression) js(a.expression, [], 1);
    }
    if (n.type === 'StyleSheet' || n.type === 'Comment') return;
    if (n.type === 'HtmlTag' || n.type === 'RenderTag' || n.type === 'ConstTag') { js(n.expression ?? n.declaration, [], 1); return; }
    if (n.type === 'EachBlock' || n.type === 'IfBlock' || n.type === 'AwaitBlock' || n.type === 'KeyBlock') js(n.expression ?? n.test, [], 1);
    for (const k of ['fragment', 'body', 'consequent', 'alternate', 'fallback', 'pending', 'then', 'catch']) if (n[k]?.nodes) fragment(n[k].nodes);
  }

  if (ast.module) js(ast.module.content.body, [], 0);
  if (ast.instance) js(ast.instance.content.body, [], 1);
  if (svelte) fragment(ast.fragment.nodes);
  out.bare = out.bare.filter((b) => !machine.has(b.key));
  known.set(path, out);
  return out;
}

const quote = (s) => `'${s.replaceAll('\\', '\\\\').replaceAll("'", "\\'").replaceAll('\n', '\\n')}'`;

// wrap rewrites one file.
export function wrap(path) {
  const s = scan(path);
  if (s.bare.length === 0) return 0;
  const ms = new MagicString(s.code);
  for (const b of s.bare) {
    // The whole call is put together around what stays, so that an inner expression may itself be rewritten.
    const open = b.markup ? '{' : '';
    const close = b.markup ? '}' : '';
    const fills = b.fill;
    if (fills.length === 0) { ms.overwrite(b.start, b.end, `${open}t(${quote(b.key)})${close}`); continue; }
    let at = b.start;
    const used = new Set();
    fills.forEach((f, i) => {
      const short = s.code.slice(f.node.start, f.node.end) === f.name;
      if (at < f.node.start) ms.overwrite(at, f.node.start, `${i === 0 ? `${open}t(${quote(b.key)}, { ` : ', '}${short ? '' : `${f.name}: `}`);
      at = f.node.end;
      used.add(f.name);
    });
    if (at < b.end) ms.overwrite(at, b.end, ` })${close}`);
    else ms.appendLeft(at, ` })${close}`);
  }
  let code = ms.toString();
  const names = ['t'];
  const from = relative(dirname(join(root, path)), join(root, 'src/words/words')).replace(/^(?!\.)/, './');
  if (!new RegExp(`from '${from}'`).test(code)) {
    const line = `import { ${names.join(', ')} } from '${from}';\n`;
    if (path.endsWith('.svelte')) {
      if (!s.ast.instance) code = `<script lang="ts">\n  ${line}</script>\n\n${code}`;
      else { const imports = [...code.matchAll(/^ {2}import [^;]*;\n/gm)]; const last = imports[imports.length - 1]; const at = last ? last.index + last[0].length : code.indexOf('\n', code.indexOf('<script lang="ts">')) + 1; code = `${code.slice(0, at)}  ${line}${code.slice(at)}`; }
    } else { const imports = [...code.matchAll(/^import [^;]*;\n/gm)]; const last = imports[imports.length - 1]; const at = last ? last.index + last[0].length : s.head.length + (/^(\/\/.*\n)+\n?/.exec(s.source)?.[0].length ?? 0); code = `${code.slice(0, at)}${line}${last ? '' : '\n'}${code.slice(at)}`; }
  }
  if (s.head !== '') code = code.slice(s.head.length, -'\n</script>'.length);
  writeFileSync(join(root, path), code);
  if (s.shadows) console.log(`${path}: something here is called t`);
  return s.bare.length;
}

// served are the Go sources in one string: the server's sentences are theirs.
function served() {
  const walk = (dir) => readdirSync(dir, { withFileTypes: true }).flatMap((d) => (d.isDirectory() ? walk(join(dir, d.name)) : d.name.endsWith('.go') && !d.name.endsWith('_test.go') ? [readFileSync(join(dir, d.name), 'utf8')] : []));
  return ['clinical', 'edge', 'matrix', 'ground'].flatMap((dir) => walk(join(root, '..', dir))).join('\n');
}

// cover compares the Welsh file with what the screens say.
export function cover() {
  const keys = new Map();
  for (const f of files()) for (const k of scan(f).keys) keys.set(k.key, k);
  const welsh = JSON.parse(readFileSync(join(root, 'src/words/cy.json'), 'utf8'));
  const missing = [...keys.values()].filter((k) => !Object.hasOwn(welsh, k.key) || (k.many && typeof welsh[k.key] === 'string'));
  const unsaid = Object.keys(welsh).filter((k) => !keys.has(k));
  const server = unsaid.length > 0 ? served() : '';
  return { keys, welsh, missing, stale: unsaid.filter((k) => !server.includes(JSON.stringify(k))) };
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const [verb = 'cover', ...names] = process.argv.slice(2);
  if (verb === 'wrap') for (const f of names) console.log(`${f}: ${wrap(f)}`);
  else if (verb === 'bare') for (const f of names.length > 0 ? names : files()) for (const b of scan(f).bare) console.log(`${f}: ${b.key}`);
  else if (verb === 'missing') console.log(JSON.stringify(Object.fromEntries(cover().missing.map((k) => [k.key, k.many ? { one: k.one, other: k.key } : ''])), null, 1));
  else {
    const c = cover();
    console.log(`Welsh: ${c.keys.size - c.missing.length} of ${c.keys.size} sentences, and ${Object.keys(c.welsh).filter((k) => !c.keys.has(k)).length} of the server’s`);
    for (const k of c.stale) console.log(`neither a screen nor the server says any more: ${k}`);
    process.exit(c.stale.length > 0 ? 1 : 0);
  }
}
