// Leaks on purpose. Each must make its detector fail *and* say why: one that could not even start fails too.
import { join } from 'node:path';
import { needTools, ONE, stored, Unavailable } from '../kernels/debian.mjs';
import { CheckFailed, ending, execute, must, root } from './run.mjs';

async function mustObject(argv, says, options) {
  const result = await execute(argv, options);
  if (result.status === 0) throw new CheckFailed(`nothing was found by: ${argv.join(' ')}`, result.output);
  if (result.timedOut || !says.test(result.output)) {
    throw new CheckFailed(`${ending(result)}, without ${says}, from: ${argv.join(' ')}`, result.output);
  }
}

const plant =
  (what) =>
  ({ log }) => {
    const bench = [
      process.execPath,
      join(root, 'bench/fd-flat.mjs'),
      '--scale',
      '0.01',
      '--case',
      '^open close$',
    ];
    return mustObject([...bench, '--plant', what], /NOT FLAT/, { log, timeout: 60 });
  };

/** Planted in a guest. Without guests there is nobody to find it: resolves with the reason. */
const guest =
  (file, says, ...flags) =>
  ({ log }) => {
    try {
      needTools();
    } catch (error) {
      if (error instanceof Unavailable) return { skipped: error.message };
      throw error;
    }
    if (stored(ONE) === undefined) return { skipped: 'no kernel: npm run test:kernels -- --fetch' };
    const runner = [
      process.execPath,
      join(root, 'scripts/kernels.mjs'),
      '--kernel',
      ONE,
      '--offline',
      ...flags,
    ];
    return mustObject([...runner, `test/vm/canary/${file}.ts`], says, { log, timeout: 120 });
  };

export const canaries = [
  {
    // It says itself what it planted, found and did not find.
    name: 'memory of the addon',
    run: ({ log }) =>
      must([process.execPath, join(root, 'native/test/leak-canary.mjs')], { log, timeout: 200 }),
  },
  { name: 'fd of the addon', run: plant('native') },
  { name: 'socket held for ever', run: plant('leak') },
  {
    name: 'failures in a guest',
    run: guest(
      'fails',
      /FAILED .*> fails$[\s\S]*FAILED .*a hook$[\s\S]*FAILED what the tests left behind$[\s\S]*netns planted/m,
    ),
  },
  {
    name: 'panic of a guest',
    run: guest('panics', /FAILED[\s\S]*test: test\/vm\/canary\/panics > panics[\s\S]*Kernel panic/),
  },
  {
    name: 'guest that hangs',
    run: guest('hangs', /FAILED .*killed after 30 s[\s\S]*canary\/hangs > hangs/, '--timeout', '30'),
  },
];
