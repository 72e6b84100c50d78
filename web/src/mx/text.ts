// Message bodies are text for ever: this finds bold, italic, code, links and mentions in a plain body and answers a
// list of pieces, which the screen draws as elements with text in them. No HTML is read, made or trusted anywhere.

export type Piece =
  | { kind: 'text'; text: string }
  | { kind: 'strong' | 'em' | 'code' | 'mention'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'break' };

const pattern = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|\*([^*\s][^*\n]*)\*|(?<![\p{L}\p{N}_])_([^_\s][^_\n]*)_(?![\p{L}\p{N}_])|(https?:\/\/[^\s<>"'`]+)|(?<![\p{L}\p{N}_])@(\p{L}[\p{L}\p{M}\p{N}'’.-]*(?: [\p{L}\p{N}(][\p{L}\p{M}\p{N}'’.)-]*){0,5})|(\n)/gu;

export function pieces(body: string, isName: (name: string) => boolean = () => false): Piece[] {
  const out: Piece[] = [];
  let at = 0;
  const plain = (to: number): void => {
    if (to > at) out.push({ kind: 'text', text: body.slice(at, to) });
  };
  pattern.lastIndex = 0;
  for (let m = pattern.exec(body); m; m = pattern.exec(body)) {
    const piece = read(m, isName);
    if (!piece) {
      pattern.lastIndex = m.index + 1;
      continue;
    }
    plain(m.index);
    out.push(piece.piece);
    at = m.index + piece.length;
    pattern.lastIndex = at;
  }
  plain(body.length);
  return out;
}

function read(m: RegExpExecArray, isName: (name: string) => boolean): { piece: Piece; length: number } | undefined {
  const whole = m[0].length;
  if (m[1] !== undefined) return { piece: { kind: 'code', text: m[1] }, length: whole };
  if (m[2] !== undefined) return { piece: { kind: 'strong', text: m[2] }, length: whole };
  if (m[3] !== undefined) return { piece: { kind: 'em', text: m[3] }, length: whole };
  if (m[4] !== undefined) return { piece: { kind: 'em', text: m[4] }, length: whole };
  if (m[5] !== undefined) return link(m[5]);
  if (m[6] !== undefined) return mention(m[6], isName);
  return m[7] === undefined ? undefined : { piece: { kind: 'break' }, length: 1 };
}

function link(raw: string): { piece: Piece; length: number } | undefined {
  const text = raw.replace(/[.,;:!?)\]]+$/, '');
  try {
    const url = new URL(text);
    if (url.protocol !== 'https:' && url.protocol !== 'http:') return undefined;
    return { piece: { kind: 'link', text, href: url.href }, length: text.length };
  } catch {
    return undefined;
  }
}

function mention(words: string, isName: (name: string) => boolean): { piece: Piece; length: number } | undefined {
  for (let name = words; name !== ''; name = name.slice(0, Math.max(0, name.lastIndexOf(' ')))) {
    const bare = name.replace(/[.'’-]+$/, '');
    if (bare !== name && isName(bare)) return { piece: { kind: 'mention', text: `@${bare}` }, length: bare.length + 1 };
    if (isName(name)) return { piece: { kind: 'mention', text: `@${name}` }, length: name.length + 1 };
  }
  return undefined;
}
