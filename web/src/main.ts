// The first file that runs. It paints the theme, mounts the app and lets the device help: offline files, network news.

import './words/fit';
import './device/shared'; // before whatever reads the theme or the language
import { mount } from 'svelte';
import App from './App.svelte';
import { engine } from './app';
import './styles/font.css';
import './styles/tokens.css';
import './styles/components.css';
import './styles/app.css';
import { paint } from './ui/theme';
import { watchForUpdate } from './ui/update.svelte';

paint();
const target = document.getElementById('app');
if (target) mount(App, { target });

addEventListener('online', () => engine.networkChanged(true));
addEventListener('offline', () => engine.networkChanged(false));
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'visible' && engine.offlineSince > 0) engine.networkChanged(navigator.onLine);
});
if (location.hash.startsWith('#/chats/')) void import('./screens/Chat.svelte').catch(() => undefined); // a link into a conversation

// What keeps the app on the device fetches all of it: after the list is there, or a while for whoever has yet to sign in.
const soon = setTimeout(keepTheApp, 5000);
const hush = engine.topics.on('rooms', () => { if (engine.synced) keepTheApp(); });
let kept = false;
function keepTheApp(): void {
  clearTimeout(soon);
  hush();
  if (!kept) setTimeout(() => void watchForUpdate(), 500);
  kept = true;
}
