// An owner of what others use: has one made with ten processes after the other, and ends it, until it is killed.
//
//     peer-owner.mjs TOOL PLACE MARK
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { TOOLS } from '../peers/tools.mjs';

const [name, place, mark] = process.argv.slice(2);
const tool = TOOLS.find((one) => one.name === name);
const job = `for i in 1 2 3 4 5 6 7 8 9 10; do setsid sleep ${mark} & done; echo ready; wait`;
const argv = ['sh', '-c', job];
tool.prepare(place, argv);
const [program, ...rest] = tool.command(place, argv);

for (let number = 0; ; number++) {
  const child = spawn(program, rest, { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(child, 'exit');
  let words = '';
  child.stderr.on('data', (bytes) => {
    words += bytes;
  });
  const [first] = await Promise.race([once(child.stdout, 'data'), ended]);
  if (first?.toString() !== 'ready\n') throw new Error(`${program}: ${words}`);
  if (number === 0) console.log('ready');
  if (tool.end !== undefined) {
    const [ender, ...more] = tool.end(place);
    spawnSync(ender, more, { stdio: 'ignore' });
  } else {
    // Pid 1 inside: with it goes all the rest.
    const children = readFileSync(`/proc/${child.pid}/task/${child.pid}/children`, 'utf8');
    for (const pid of children.split(' ').filter(Boolean)) process.kill(Number(pid), 'SIGKILL');
  }
  await ended;
}
