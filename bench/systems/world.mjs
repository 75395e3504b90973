/** What the rows need: the floor compiled, a layer with one static program, a bridge to connect systems to, a cgroup. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeGroup, removeGroup } from '../peers/world.mjs';

export const BRIDGE = 'br0';
const DIRECTORIES = ['proc', 'dev', 'sys', 'tmp', 'run', 'mnt', 'usr', 'var/tmp'];

export function makeWorld() {
  const scratch = mkdtempSync(join(tmpdir(), 'cofferdam-systems-'));
  const floor = join(scratch, 'floor');
  const layer = join(scratch, 'layer');
  const source = join(scratch, 'true.c');
  const compile = (...words) => execFileSync('cc', ['-O2', ...words], { stdio: 'inherit' });
  compile('-o', floor, fileURLToPath(new URL('floor.c', import.meta.url)));
  for (const name of DIRECTORIES) mkdirSync(join(layer, name), { recursive: true });
  writeFileSync(source, 'int main(void) { return 0; }\n');
  compile('-static', '-o', join(layer, 'true'), source);
  for (const words of [
    'link set lo up',
    `link add ${BRIDGE} up type bridge`,
    `address add 10.77.0.1/24 dev ${BRIDGE}`,
  ])
    execFileSync('ip', words.split(' '));
  writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  const group = makeGroup(`cofferdam-systems-${process.pid}`);
  return {
    scratch,
    floor,
    layer,
    group,
    /** Microseconds of each round, by the floor. */
    floorTimes(mode, count, ...rest) {
      const text = execFileSync(floor, [mode, String(count), ...rest], { encoding: 'utf8' });
      return text.trim().split('\n').map(Number);
    },
    async end() {
      await removeGroup(group);
      rmSync(scratch, { recursive: true });
    },
  };
}
