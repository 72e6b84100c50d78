// Formatting, both ways. What a person types becomes a small tree, which is drawn as elements and, for other clients,
// written as HTML. The HTML of others is read by a parser that knows a dozen harmless elements and drops the rest; what it
// answers is the same tree. No HTML ever reaches the page as HTML.

import { pieces } from './text';

export type Rich =
  | { t: 'text'; s: string }
  | { t: 'br' }
  | { t: 'mention'; s: string; user: string }
  | { t: 'a'; href: string; kids: Rich[] }
  | { t: Tag; kids: Rich[] };

export type Tag = 'strong' | 'em' | 'code' | 'del' | 'pre' | 'p' | 'ul' | 'ol' | 'li' | 'blockquote' | 'named';

export interface Named {
  name: string;
  user: string; // whom it reaches, empty for nobody
}

// inline reads bold, italic, code, links and mentions of one run of text.
export function inline(body: string, named: Named[]): Rich[] {
  const known = new Map(named.map((n) => [n.name, n.user]));
  return pieces(body, (n) => known.has(n)).map((p): Rich => {
    switch (p.kind) {
      case 'strong': return { t: 'strong', kids: inline(p.text, named) };
      case 'em': return { t: 'em', kids: inline(p.text, named) };
      case 'code': return { t: 'code', kids: [{ t: 'text', s: p.text }] };
      case 'mention': return { t: 'mention', s: p.text, user: known.get(p.text.slice(1)) ?? '' };
      case 'link': return { t: 'a', href: p.href, kids: [{ t: 'text', s: p.text }] };
      case 'break': return { t: 'br' };
      default: return { t: 'text', s: p.text };
    }
  });
}

const bullet = /^\s{0,3}[-*•]\s+(.*)$/;
const numbered = /^\s{0,3}\d{1,3}[.)]\s+(.*)$/;
const quoted = /^>\s?(.*)$/;

// blocks reads lists, quotes and fenced code as well.
export function blocks(body: string, named: Named[]): Rich[] {
  const out: Rich[] = [];
  const lines = body.split('\n');
  let text: string[] = [];
  const flush = (): void => {
    if (text.length > 0) out.push({ t: 'p', kids: inline(text.join('\n'), named) });
    text = [];
  };
  const run = (pattern: RegExp, from: number): string[] => {
    const found: string[] = [];
    for (let i = from; i < lines.length; i++) {
      const m = pattern.exec(lines[i] ?? '');
      if (!m) break;
      found.push(m[1] ?? '');
    }
    return found;
  };
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] ?? '';
    if (line.startsWith('```')) {
      const end = lines.indexOf('```', i + 1);
      if (end > 0) {
        flush();
        out.push({ t: 'pre', kids: [{ t: 'text', s: lines.slice(i + 1, end).join('\n') }] });
        i = end;
        continue;
      }
    }
    const kinds: [RegExp, 'ul' | 'ol' | 'blockquote'][] = [[bullet, 'ul'], [numbered, 'ol'], [quoted, 'blockquote']];
    const kind = kinds.find(([p]) => p.test(line));
    if (kind) {
      flush();
      const items = run(kind[0], i);
      if (kind[1] === 'blockquote') out.push({ t: 'blockquote', kids: inline(items.join('\n'), named) });
      else out.push({ t: kind[1], kids: items.map((s): Rich => ({ t: 'li', kids: inline(s, named) })) });
      i += items.length - 1;
    } else if (line.trim() === '') flush();
    else text.push(line);
  }
  flush();
  return out;
}

// plain is true when the tree says no more than the text does.
export function plain(tree: Rich[]): boolean {
  return tree.every((n) => n.t === 'text' || n.t === 'br' || (n.t === 'a' && n.kids.length === 1 && n.kids[0]?.t === 'text') || (n.t === 'p' && tree.length === 1 && plain(n.kids)));
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
const escape = (s: string): string => s.replace(/[&<>"]/g, (c) => escapes[c] ?? c);

// html writes the tree for other clients; a mention is a link that they draw as one.
export function html(tree: Rich[]): string {
  return tree.map((n) => {
    switch (n.t) {
      case 'text': return escape(n.s);
      case 'br': return '<br>';
      case 'mention': return n.user === '' ? escape(n.s) : `<a href="https://matrix.to/#/${escape(encodeURIComponent(n.user))}">${escape(n.s)}</a>`;
      case 'a': return `<a href="${escape(n.href)}">${html(n.kids)}</a>`;
      case 'pre': return `<pre><code>${html(n.kids)}</code></pre>`;
      case 'named': return html(n.kids);
      default: return `<${n.t}>${html(n.kids)}</${n.t}>`;
    }
  }).join('');
}

export function mentionsIn(tree: Rich[]): string[] {
  return [...new Set(tree.flatMap((n) => (n.t === 'mention' ? [n.user] : 'kids' in n ? mentionsIn(n.kids) : [])).filter((u) => u !== ''))];
}

const same: Record<string, Tag> = {
  strong: 'strong', b: 'strong', em: 'em', i: 'em', code: 'code', del: 'del', s: 'del', strike: 'del', pre: 'pre', p: 'p', div: 'p', ul: 'ul', ol: 'ol', li: 'li',
  blockquote: 'blockquote', h1: 'p', h2: 'p', h3: 'p', h4: 'p', h5: 'p', h6: 'p',
};
const silent = ['script', 'style', 'mx-reply', 'title', 'svg', 'math', 'iframe', 'object', 'template', 'noscript', 'textarea'];
const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: '\u00a0' };

function unescape(s: string): string {
  return s.replace(/&(?:#x([0-9a-f]{1,6})|#(\d{1,7})|([a-z]+));/gi, (all, hex: string | undefined, dec: string | undefined, name: string | undefined) => {
    if (name !== undefined) return entities[name.toLowerCase()] ?? all;
    const code = hex !== undefined ? parseInt(hex, 16) : Number(dec);
    return code > 31 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : code === 10 ? '\n' : '';
  });
}

const token = /<!--[\s\S]{0,4000}?-->|<(\/?)([a-z][a-z0-9-]*)((?:"[^"]{0,2000}"|'[^']{0,2000}'|[^'"<>]){0,2000})>|([^<]+|<)/gi;
const deepest = 24;
const longest = 24_000; // beyond it the plain body is shown

// fromHtml reads the HTML of another client. Unknown elements lose their marks and keep their text; scripts and the like lose both.
export function fromHtml(source: string): Rich[] {
  if (source.length > longest) return [];
  const root: Rich[] = [];
  const stack: { name: string; kids: Rich[] }[] = [{ name: '', kids: root }];
  let mute = '';
  token.lastIndex = 0;
  for (let m = token.exec(source); m; m = token.exec(source)) {
    const [, slash, rawName, attributes = '', words] = m;
    const name = rawName?.toLowerCase() ?? '';
    if (mute !== '') {
      if (slash === '/' && name === mute) mute = '';
      continue;
    }
    const top = stack[stack.length - 1] ?? { name: '', kids: root };
    if (words !== undefined) {
      const pre = stack.some((s) => s.name === 'pre');
      const s = unescape(pre ? words : words.replace(/\s+/g, ' '));
      if (s !== '' && !(s.trim() === '' && (top.kids.length === 0 || ['ul', 'ol', ''].includes(top.name)) && !pre)) top.kids.push({ t: 'text', s });
    } else if (slash === '/') {
      const at = stack.findLastIndex((s) => s.name === name);
      if (at > 0) stack.length = at;
    } else if (silent.includes(name)) {
      if (!attributes.endsWith('/')) mute = name;
    } else if (name === 'br') top.kids.push({ t: 'br' });
    else if (stack.length <= deepest) {
      const kids: Rich[] = [];
      const node = element(name, attributes, kids);
      if (node) top.kids.push(node);
      if (name !== 'img' && name !== 'hr') stack.push({ name, kids: node ? kids : top.kids });
    }
  }
  return root;
}

function element(name: string, attributes: string, kids: Rich[]): Rich | null {
  if (name === 'a') {
    const href = unescape(/\bhref\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s>]+))/i.exec(attributes)?.slice(1).find((x) => x !== undefined) ?? '');
    const user = /^(?:https:\/\/matrix\.to\/#\/|matrix:u\/)(.+?)(?:\?.*)?$/.exec(href)?.[1];
    if (user !== undefined && /^(@|%40)/.test(user)) return { t: 'named', kids };
    return /^(https?:\/\/|mailto:)/i.test(href) ? { t: 'a', href, kids } : null;
  }
  if (name === 'code' && kids.length === 0) return { t: 'code', kids };
  const tag = same[name];
  return tag ? { t: tag, kids } : null;
}

// wordsOf is the text of a tree, for who cannot be shown it.
export function wordsOf(tree: Rich[]): string {
  return tree.map((n) => (n.t === 'text' || n.t === 'mention' ? n.s : n.t === 'br' ? '\n' : wordsOf(n.kids))).join('');
}
