// Leaks on purpose. Each must make its detector fail *and* say why: one that could not even start fails too.
import { join } from 'node:path';
import { CheckFailed, ending, execute, root } from './run.mjs';

async function mustObject(argv, says, options) {
  const result = await execute(argv, options);
  if (result.status === 0) throw new CheckFailed(`nothing was found by: ${argv.join(' ')}`, result.output);
  if (result.timedOut || !says.test(result.output)) {
    throw new CheckFailed(`${ending(result)}, without ${says}, from: ${argv.join(' ')}`, result.output);
  }
}

const sanitized =
  (script, env) =>
  ({ log }) =>
    mustObject(
      [
        'bash',
        join(root, 'native/test/sanitize.sh'),
        process.execPath,
        '--input-type=module',
        '--eval',
        script,
      ],
      /Direct leak of 4242 byte/,
      { log, env },
    );

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
    name: 'memory of the addon',
    run: sanitized(
      `import { createRequire } from 'node:module';
       const addon = createRequire(import.meta.url)(process.env.COFFERDAM_ADDON);
       if (addon.plantLeak('memory') < 0) throw new Error('nothing planted');`,
      { COFFERDAM_CANARY: '1' },
    ),
  },
  { name: 'fd of the addon', run: plant('native') },
  { name: 'socket held for ever', run: plant('leak') },
];
