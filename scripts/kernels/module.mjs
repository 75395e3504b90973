// A kernel module of ours, for guests, made without the kernel's headers and its compiler: the kernel itself has its types
// (BTF, as /sys/kernel/btf/vmlinux shows it), and bpftool prints them as C.
import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const SOURCE = join(import.meta.dirname, 'guest/misc_charge.c');

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

/** What a module is made of, for the recipe. */
export const moduleSource = () => [readFileSync(SOURCE), JSON.stringify(FLAGS)];

/**
 * Writes the module that charges the misc controller to `directory`/extra, for modprobe(8) to find as `misc_charge`. A
 * kernel from before that controller (Linux 5.13) gets none.
 *
 * @param vmlinux the kernel, uncompressed
 * @param donor   any module of the same kernel: it tells what modules of that kernel say of themselves
 */
export async function makeModule(vmlinux, donor, directory) {
  const scratch = join(directory, '.types');
  mkdirSync(scratch);
  try {
    const { stdout: types } = await run('bpftool', ['btf', 'dump', 'file', vmlinux, 'format', 'c'], {
      maxBuffer: 1 << 28,
      // Debian has it where not every PATH goes.
      env: { ...process.env, PATH: `${process.env.PATH}:/usr/sbin` },
    });
    if (!/^enum misc_res_type \{/m.test(types)) return;
    writeFileSync(join(scratch, 'vmlinux.h'), types);
    const [, vermagic] = /\0vermagic=([^\0]*)\0/.exec(readFileSync(donor, 'latin1')) ?? [];
    if (vermagic === undefined) throw new Error(`${donor} does not say which kernel it is for`);
    mkdirSync(join(directory, 'extra'));
    const object = join(directory, 'extra/misc_charge.ko');
    await run('cc', [
      ...FLAGS,
      ...['-I', scratch, `-DVERMAGIC=${JSON.stringify(vermagic)}`, '-c', SOURCE, '-o', object],
    ]);
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
