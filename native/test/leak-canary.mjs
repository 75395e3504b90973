// leak-canary.mjs: a leak planted in the addon must make sanitize.sh fail and must be named by its report; the same
// program without the leak must pass. Twice: in a node of its own, which looks for leaks at exit, and in a worker of
// vitest, which is killed before it could.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const planted = /Direct leak of 4242 byte\(s\)[\s\S]*PlantLeak[\s\S]*sanitizers: [1-9]\d* finding/;

const programs = {
  node: [
    process.execPath,
    '--eval',
    `const addon = require(process.env.COFFERDAM_ADDON);
     const options = { protocol: 0, netnsFd: -1, receiveBuffer: 0, datagramCapacity: 32768 };
     addon.openNetlink(options).close();
     addon.openNetlink(options);
     if (process.env.COFFERDAM_CANARY !== undefined && addon.plantLeak('memory') < 0) throw new Error('not planted');`,
  ],
  'vitest worker': [
    process.execPath,
    'node_modules/vitest/vitest.mjs',
    'run',
    '--config',
    'native/test/canary/vitest.config.mjs',
  ],
};

function run(command, canary) {
  const { COFFERDAM_CANARY: _, ...env } = process.env;
  const { status, stdout, stderr } = spawnSync('bash', ['native/test/sanitize.sh', ...command], {
    cwd: root,
    env: canary ? { ...env, COFFERDAM_CANARY: '1' } : env,
    encoding: 'utf8',
    timeout: 120_000,
    killSignal: 'SIGKILL',
  });
  return { status, output: `${stdout}${stderr}` };
}

let failed = 0;
function verdict(name, good, { status, output }) {
  console.log(`${good ? 'ok' : 'FAILED'}  ${name} (exit code ${status})`);
  if (good) return;
  failed += 1;
  console.log(output);
}

for (const [name, command] of Object.entries(programs)) {
  const clean = run(command, false);
  verdict(`${name}, nothing planted: passes`, clean.status === 0, clean);
  const leaky = run(command, true);
  verdict(
    `${name}, leak planted: fails and names it`,
    leaky.status === 1 && planted.test(leaky.output),
    leaky,
  );
}
process.exit(failed === 0 ? 0 : 1);
