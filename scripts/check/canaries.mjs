// Leaks on purpose. Each must make its detector fail *and* say why: one that could not even start fails too.
import { join } from 'node:path';
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

export const canaries = [
  {
    // It says itself what it planted, found and did not find.
    name: 'memory of the addon',
    run: ({ log }) =>
      must([process.execPath, join(root, 'native/test/leak-canary.mjs')], { log, timeout: 200 }),
  },
  { name: 'fd of the addon', run: plant('native') },
  { name: 'socket held for ever', run: plant('leak') },
];
