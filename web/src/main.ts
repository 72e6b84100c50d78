// The first file that runs. It paints the theme, mounts the app and lets the device help: offline files, network news.

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
void watchForUpdate();
