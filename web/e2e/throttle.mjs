// The slow phone on a slow network that the fluidity budgets are for (profile P), and how much of the processor a page used. Processor
// time is the main thread's own, so it is the same on a busy machine and on an idle one; times on the clock are not.

export const P = { cpu: 4, down: 1_600_000 / 8, up: 750_000 / 8, latency: 150 };

export class Gauge {
  static async on(page) {
    const g = new Gauge();
    g.page = page;
    g.cdp = await page.context().newCDPSession(page);
    await g.cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
    return g;
  }

  // slow makes the processor four times slower; net the network as well.
  async slow(cpu = P.cpu) {
    await this.cdp.send('Emulation.setCPUThrottlingRate', { rate: cpu });
  }

  async net(on = true) {
    await this.cdp.send('Network.enable');
    await this.cdp.send('Network.emulateNetworkConditions', on ? { offline: false, latency: P.latency, downloadThroughput: P.down, uploadThroughput: P.up } : { offline: false, latency: 0, downloadThroughput: -1, uploadThroughput: -1 });
  }

  async metrics() {
    const { metrics } = await this.cdp.send('Performance.getMetrics');
    return Object.fromEntries(metrics.map((m) => [m.name, m.value]));
  }

  // cost answers what run answers, with the processor's milliseconds that the page took for it.
  async cost(run) {
    const a = await this.metrics();
    const value = await run();
    const b = await this.metrics();
    const anew = b.TaskDuration < a.TaskDuration; // a navigation can begin in a process of its own
    const ms = (k) => Math.round((b[k] - (anew ? 0 : a[k])) * 10_000) / 10;
    return { value, cpu: ms('TaskDuration'), script: ms('ScriptDuration'), layout: Math.round((ms('LayoutDuration') + ms('RecalcStyleDuration')) * 10) / 10 };
  }

  // held is what the page keeps after a collection: bytes of JavaScript, nodes and listeners.
  async held() {
    await this.cdp.send('HeapProfiler.enable');
    for (let i = 0; i < 3; i++) await this.cdp.send('HeapProfiler.collectGarbage');
    const { usedSize } = await this.cdp.send('Runtime.getHeapUsage');
    const { nodes, jsEventListeners } = await this.cdp.send('Memory.getDOMCounters');
    return { heap: usedSize, nodes, listeners: jsEventListeners };
  }
}

// watchPaint runs in the page before anything else: __until(test) answers when something was drawn, on the page's own clock. A frame's
// callbacks run before it is drawn, in one task; a message that is posted in them is heard after it.
export function watchPaint() {
  globalThis.__until = (test) => new Promise((ok, no) => {
    const end = performance.now() + 60_000;
    const drawn = new MessageChannel();
    drawn.port1.onmessage = () => { drawn.port1.close(); ok(performance.now()); };
    const look = () => {
      if (test()) drawn.port2.postMessage(0);
      else if (performance.now() > end) no(new Error(`never drawn: ${test}`));
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  });
}

export const p75 = (list) => { const s = [...list].sort((a, b) => a - b); return s[Math.ceil(s.length * 0.75) - 1]; };
export const median = (list) => { const s = [...list].sort((a, b) => a - b); return s[s.length >> 1]; };
