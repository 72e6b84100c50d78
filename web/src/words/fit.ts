// Runs before everything else. A browser in which the app cannot work at all shows why, in place of a white page; in both languages, because
// which of them somebody reads is kept where this browser may not look.

function unfit(): string[] {
  // What a page needs to be trusted with: workers, notices, the microphone, the way to sign in by passkey.
  if (!isSecureContext) return ['This address is not secure. Wardline needs https, or an address of this computer itself.', 'Nid yw’r cyfeiriad hwn yn ddiogel. Mae Wardline angen https.'];
  try {
    localStorage.getItem('wardline-theme');
  } catch {
    return ['This browser keeps nothing for Wardline, so nobody can sign in. Allow cookies and site data for this address, or ask the service desk to.', 'Nid yw’r porwr hwn yn cadw dim i Wardline, felly ni all neb fewngofnodi. Caniatewch gwcis a data gwefan ar gyfer y cyfeiriad hwn.'];
  }
  const lacks = ['BroadcastChannel', 'IntersectionObserver', 'ResizeObserver', 'structuredClone', 'HTMLDialogElement'].some((n) => !(n in globalThis));
  if (lacks) return ['This browser is too old for Wardline. Use a newer one, or ask the service desk for it.', 'Mae’r porwr hwn yn rhy hen i Wardline. Defnyddiwch un mwy diweddar.'];
  return [];
}

const why = unfit();
if (why.length > 0) {
  const at = document.createElement('main');
  at.className = 'empty pad stack';
  document.getElementById('app')?.append(at);
  for (const [i, words] of [...why, 'In an emergency ring 2222.', 'Mewn argyfwng ffoniwch 2222.'].entries()) {
    const p = document.createElement('p');
    p.lang = i % 2 ? 'cy' : 'en-GB';
    p.textContent = words;
    at.append(p);
  }
  throw new Error(why[0]); // nothing that comes after this file runs
}

export {};
