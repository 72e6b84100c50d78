// A flow is a story in chapters: each goes on from where the last one ended, so one that follows a broken one is skipped. It would only
// say so again, and the broken one has failed the run.

import { test as once } from 'node:test';
import { whatEachSees } from './people.mjs';

let broken = false;

export function test(name, chapter) {
  once(name, async (t) => {
    if (broken) return t.skip('an earlier chapter failed');
    broken = true;
    try {
      await chapter();
    } catch (e) {
      t.diagnostic(await whatEachSees());
      throw e;
    }
    broken = false;
  });
}
