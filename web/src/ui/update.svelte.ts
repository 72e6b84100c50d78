// A new version is offered, never forced: it waits until the person says so.

interface Policies {
  createPolicy(name: string, rules: { createScriptURL: (s: string) => string }): { createScriptURL(s: string): string };
}

// workerAddress satisfies Trusted Types: this policy knows one address and nothing else.
function workerAddress(): string {
  const types = (globalThis as { trustedTypes?: Policies }).trustedTypes;
  try {
    return types?.createPolicy('wardline', { createScriptURL: () => '/sw.js' }).createScriptURL('') ?? '/sw.js';
  } catch {
    return '/sw.js'; // the policy is not allowed here: registering is then refused too, and the app works without
  }
}

async function register(): Promise<ServiceWorkerRegistration | null> {
  try {
    return await navigator.serviceWorker.register(workerAddress());
  } catch {
    return null;
  }
}

class Update {
  ready = $state(false);
}

export const update = new Update();
let waiting: ServiceWorker | null = null;

export async function watchForUpdate(): Promise<void> {
  if (!('serviceWorker' in navigator) || !import.meta.env.PROD) return;
  const registration = await register();
  if (!registration) return;
  const offer = (w: ServiceWorker | null): void => {
    if (!w || !navigator.serviceWorker.controller) return;
    waiting = w;
    update.ready = true;
  };
  offer(registration.waiting);
  registration.addEventListener('updatefound', () => {
    const w = registration.installing;
    w?.addEventListener('statechange', () => { if (w.state === 'installed') offer(w); });
  });
  setInterval(() => void registration.update().catch(() => undefined), 30 * 60_000);
}

export function takeUpdate(): void {
  navigator.serviceWorker.addEventListener('controllerchange', () => location.reload(), { once: true });
  waiting?.postMessage('take over');
}
