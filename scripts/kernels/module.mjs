// A kernel module of ours, for guests, made without the kernel's headers and its compiler: the kernel itself has its types
// (BTF, as /sys/kernel/btf/vmlinux shows it), and bpftool prints them as C.
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SOURCE = join(import.meta.dirname, 'guest/misc_charge.c');

// Debian has it where not every PATH goes.
const bpftool = ['/usr/sbin', '/usr/bin', '/sbin'].map((path) => join(path, 'bpftool')).find(existsSync);

/** Code as kernels want it: no red zone, no vector registers, no runtime, addresses in the upper two gigabytes. */
const FLAGS = [
  ...[
    '-std=gnu11',
    '-O2',
    '-w',
    '-ffreestanding',
    '-fno-pic',
    '-fno-pie',
    '-mcmodel=kernel',
    '-mno-red-zone',
  ],
  ...[
    '-mno-sse',
    '-mno-mmx',
    '-fno-stack-protector',
    '-fcf-protection=none',
    '-fno-asynchronous-unwind-tables',
  ],
  // Structures of newer kernels have others in them by name alone.
  '-fms-extensions',
];

/** What a module is made of and with, for the recipe. */
export const moduleRecipe = () => [readFileSync(SOURCE), JSON.stringify([FLAGS, bpftool])];

/**
 * Writes the module that charges the misc controller to `directory`/extra, for modprobe(8) to find as `misc_charge`. A
 * kernel from before that controller (Linux 5.13) gets none, and neither does one that it cannot be made for: that is said,
 * and the test that needs it is skipped.
 *
 * @param vmlinux the kernel, uncompressed
 * @param donor   any module of the same kernel: it tells what modules of that kernel say of themselves
 */
export async function makeModule(vmlinux, donor, directory) {
  const scratch = join(directory, '.types');
  mkdirSync(scratch);
  try {
    if (bpftool === undefined) throw new Error('bpftool not found: apt-get install bpftool');
    const dump = ['btf', 'dump', 'file', vmlinux, 'format', 'c'];
    const { stdout: types } = await run(bpftool, dump, { maxBuffer: 1 << 28 });
    if (!/^enum misc_res_type \{/m.test(types)) return;
    writeFileSync(join(scratch, 'vmlinux.h'), types);
    const [, vermagic] = /\0vermagic=([^\0]*)\0/.exec(readFileSync(donor, 'latin1')) ?? [];
    if (vermagic === undefined) throw new Error(`${donor} does not say which kernel it is for`);
    const define = `-DVERMAGIC=${JSON.stringify(vermagic)}`;
    const object = join(scratch, 'misc_charge.ko');
    await run('cc', [...FLAGS, '-I', scratch, define, '-c', SOURCE, '-o', object]);
    mkdirSync(join(directory, 'extra'));
    renameSync(object, join(directory, 'extra/misc_charge.ko'));
  } catch (error) {
    console.error(`no module misc_charge for ${directory.split('/').at(-1)}: ${error.message.trim()}`);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
