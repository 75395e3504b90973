/**
 * A matcher for vitest, installed by importing this file: `import 'cofferdam/testing/vitest'`.
 *
 * ```ts
 * await expect(async () => { await using ns = await Netns.create(); }).toKeepFdsFlat({ iterations: 1000 });
 * ```
 */
import { expect } from 'vitest';
import { type FlatFdsOptions, observeFds } from './flat-fds.ts';
import { formatReport } from './report.ts';

declare module 'vitest' {
  interface Matchers<T> {
    /** Passes if running the function many times leaves no fd and no handle open. Await it. */
    toKeepFdsFlat(options?: FlatFdsOptions): Promise<void>;
  }
}

expect.extend({
  async toKeepFdsFlat(received: unknown, options?: FlatFdsOptions) {
    if (typeof received !== 'function') {
      return { pass: false, message: () => 'toKeepFdsFlat needs a function to run' };
    }
    const report = await observeFds(received as (iteration: number) => unknown, options);
    return { pass: report.flat, message: () => formatReport(report) };
  },
});
