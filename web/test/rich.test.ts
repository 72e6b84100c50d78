import { describe, expect, it } from 'vitest';
import { blocks, fromHtml, html, mentionsIn, plain, wordsOf, type Rich } from '../src/mx/rich';
import { newPoll, newVote, pollOf } from '../src/mx/poll';

const kinds = (tree: Rich[]): string[] => tree.flatMap((n) => [n.t, ...('kids' in n ? kinds(n.kids) : [])]);

describe('writing', () => {
  const named = [{ name: 'Asha Patel', user: '@asha:x' }, { name: 'Bronwen Llŷr', user: '@bronwen:x' }, { name: 'نادية كريم', user: '@nadia:x' }];

  it('turns marks into elements and keeps plain text plain', () => {
    expect(html(blocks('**now** and *soon*, `K+ 6.1`', named))).toBe('<p><strong>now</strong> and <em>soon</em>, <code>K+ 6.1</code></p>');
    expect(plain(blocks('BP 120/80, 2 * 3 * 4', named))).toBe(true);
    expect(html(blocks('- one\n- two\nthen\n1. first\n2. second', named))).toBe('<ul><li>one</li><li>two</li></ul><p>then</p><ol><li>first</li><li>second</li></ol>');
    expect(html(blocks('> he said\n```\na < b\n```', named))).toBe('<blockquote>he said</blockquote><pre><code>a &lt; b</code></pre>');
  });

  it('names people, whatever letters their names are written in', () => {
    const tree = blocks('@Asha Patel, @Bronwen Llŷr and @نادية كريم please; not @Nobody Here', named);
    expect(mentionsIn(tree)).toEqual(['@asha:x', '@bronwen:x', '@nadia:x']);
    expect(html(tree)).toContain('https://matrix.to/#/%40asha%3Ax');
  });

  it('writes no mark-up that a person typed', () => {
    expect(html(blocks('<img src=x onerror=alert(1)> & "quotes"', named))).toBe('<p>&lt;img src=x onerror=alert(1)&gt; &amp; &quot;quotes&quot;</p>');
  });
});

describe('reading the HTML of others', () => {
  it('keeps what is harmless', () => {
    expect(kinds(fromHtml('<p>one <b>two</b></p><ul><li>three</li></ul><a href="https://a.example/">four</a>'))).toEqual(['p', 'text', 'strong', 'text', 'ul', 'li', 'text', 'a', 'text']);
    expect(wordsOf(fromHtml('a &amp; b &lt;c&gt; &#233;&#x1F600;'))).toBe('a & b <c> é😀');
  });

  it.each([
    ['<script>alert(1)</script>hi', 'hi'], ['<style>p{}</style>hi', 'hi'], ['<mx-reply>old</mx-reply>new', 'new'], ['<img src=x onerror=alert(1)>hi', 'hi'],
    ['<svg><a href="javascript:x">q</a></svg>hi', 'hi'], ['<!-- <b>no</b> -->hi', 'hi'], ['<iframe src="//x">in</iframe>hi', 'hi'], ['<custom-thing>hi</custom-thing>', 'hi'],
    ['<p>hi', 'hi'], ['hi</p></div>', 'hi'], ['<', '<'], ['<scr<script>ipt>alert(1)</scr</script>ipt>', '<script>'],
  ])('loses what is not: %s', (source, words) => {
    expect(wordsOf(fromHtml(source)).trim()).toBe(words);
  });

  it('follows no link but to the web and to mail', () => {
    for (const bad of ['javascript:alert(1)', ' javascript:alert(1)', 'JaVaScRiPt:alert(1)', 'data:text/html,x', 'java&#10;script:alert(1)', 'vbscript:x', '//x', 'file:///etc/passwd']) {
      expect(kinds(fromHtml(`<a href="${bad}">x</a>`)), bad).toEqual(['text']);
    }
    expect(kinds(fromHtml("<a href='mailto:a@b.example'>x</a>"))).toEqual(['a', 'text']);
  });

  it('stops at a depth that no person writes, and stays quick on rubbish', () => {
    const deep = fromHtml('<b>'.repeat(3000) + 'x' + '</b>'.repeat(3000));
    expect(wordsOf(deep)).toBe('x');
    const t = performance.now();
    for (const bit of ['<a ', '<!--', '<a "', "<a x='", '"', '<', '&#', '</']) fromHtml(bit.repeat(24_000 / bit.length));
    expect(performance.now() - t).toBeLessThan(1500);
    expect(fromHtml('<b>x</b>'.repeat(10_000))).toEqual([]);
  });
});

describe('polls', () => {
  it('are read in the stable and the older names, and always carry words', () => {
    const c = newPoll('Lunch?', ['Soup', 'Salad'], 1, true);
    expect(c['body']).toBe('Poll: Lunch?\n1. Soup\n2. Salad');
    expect(pollOf(c)).toEqual({ question: 'Lunch?', answers: [{ id: 'a1', words: 'Soup' }, { id: 'a2', words: 'Salad' }], most: 1, open: true });
    expect(pollOf({ 'org.matrix.msc3381.poll.start': c['org.matrix.msc3381.poll.start'] })?.answers.length).toBe(2);
    expect(pollOf({ 'm.poll': { question: {}, answers: 'x' } })).toBeNull();
    expect(newVote('$p', ['a1'])['m.selections']).toEqual(['a1']);
  });
});
