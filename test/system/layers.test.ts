// A root of layers of one's own: as many as engines of containers have.
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { System } from '../../src/system/index.ts';

const GROUP = `cofferdam-test-${process.pid}-layers`;
let host: string;

beforeAll(() => {
  host = mkdtempSync(join(tmpdir(), 'cofferdam-layers-'));
});
afterAll(() => rmSync(host, { recursive: true }));

/** Makes `count` layers, of which each has a file of its own and says in another how deep it lies. */
function makeLayers(count: number): string[] {
  const layers = Array.from({ length: count }, (_, depth) => join(host, `${count}-${depth}`));
  for (const [depth, layer] of layers.entries()) {
    mkdirSync(layer);
    writeFileSync(join(layer, `own-${depth}`), '');
    writeFileSync(join(layer, 'depth'), `${depth}`);
  }
  const bottom = layers.at(-1) as string;
  mkdirSync(join(bottom, 'usr'));
  for (const name of ['bin', 'lib', 'lib64']) symlinkSync(`usr/${name}`, join(bottom, name));
  return layers;
}

async function output(layers: readonly string[], script: string): Promise<string> {
  await using box = await System.create({
    name: 'box',
    group: GROUP,
    root: { layers, binds: ['/usr:/usr:ro'] },
    lifecycle: { grace_period: 0, cleanup_delay: 0 },
  });
  const command = await box.start(['sh', '-euc', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  for await (const piece of command.stdout ?? []) text += piece;
  expect(await command.wait()).toMatchObject({ exitCode: 0 });
  return text;
}

it('of 128 layers all are seen, and the topmost first', async () => {
  const script = 'cat /depth; echo; ls -d /own-* | wc -l';
  expect(await output(makeLayers(128), script)).toBe('0\n128\n');
});

it('of more than mount(2) can be told the call says so', async () => {
  await expect(output(makeLayers(300), 'true')).rejects.toMatchObject({ code: 'E2BIG', syscall: 'mount' });
});

it('the root is for everybody, whatever the topmost is', async () => {
  const layers = makeLayers(2);
  chmodSync(layers[0] as string, 0o700);
  chownSync(layers[0] as string, 1000, 1001);
  expect(await output(layers, 'stat -c "%a %u %g" /')).toBe('755 0 0\n');
});
