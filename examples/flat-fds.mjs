// Proves that a piece of code leaves no fd open, and shows what it looks like when one does:
//
//     node --expose-gc examples/flat-fds.mjs
import { RouteSocket } from 'cofferdam';
import { expectFlatFds, LeakError } from 'cofferdam/testing';

const report = await expectFlatFds(
  async () => {
    const rt = await RouteSocket.open();
    try {
      await rt.link.get('lo');
    } finally {
      rt.close();
    }
  },
  { iterations: 1000 },
);
console.log(`flat: ${report.before.fds} fds before, ${report.after.fds} after ${report.iterations} runs`);

/** @type {RouteSocket[]} */
const kept = [];
try {
  await expectFlatFds(
    async () => {
      kept.push(await RouteSocket.open());
    },
    { iterations: 3, patience: 100 },
  );
} catch (error) {
  if (!(error instanceof LeakError)) throw error;
  console.log(`not flat: ${error.report.leaked.length} sockets stayed open`);
} finally {
  for (const rt of kept) rt.close();
}
