// A kernel package made ready to boot: the uncompressed kernel, an initramfs with what it takes to mount the guest's
// disks, and a disk with the modules.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { makeModule, moduleRecipe } from './module.mjs';

const run = promisify(execFile);

/** Modules without which init sees no disk and nobody hears the guest. */
const BOOT = ['virtio_pci', 'virtio_blk', 'virtio_console', 'squashfs'];

/**
 * Modules that a guest may load, as shell patterns below kernel/: what is made of software. Drivers of hardware stay
 * behind, which is nine tenths of a package.
 */
const MODULES = [
  'arch/x86/crypto/*',
  'block/*',
  'crypto/*',
  'drivers/block/{brd,loop,null_blk,virtio_blk,zram}*',
  'drivers/block/zram/*',
  'drivers/char/virtio_console*',
  'drivers/infiniband/core/*',
  'drivers/infiniband/sw/rxe/*',
  'drivers/net/*.ko*',
  'drivers/net/can/{vcan,vxcan,dev/*,can-dev}*',
  'drivers/net/{bonding,ipvlan,netdevsim,ovpn,team,vxlan,wireguard}/*',
  'drivers/virtio/*',
  'fs/{ext4,fuse,jbd2,mbcache,nls,overlayfs,squashfs}*',
  'lib/*',
  'mm/*',
  'net/*',
];

/** Pid 1 of the initramfs. */
const INIT = join(import.meta.dirname, 'guest/init');

/** What a kernel that is ready was made with: one that was made with less is made again. */
export const RECIPE = [JSON.stringify([BOOT, MODULES]), readFileSync(INIT), ...moduleRecipe()]
  .reduce((hash, part) => hash.update(part), createHash('sha256'))
  .digest('hex')
  .slice(0, 16);

/**
 * Writes vmlinux, initramfs and modules.squashfs into `directory`, and resolves with the release that `uname -r` will
 * say.
 */
export async function prepareKernel(debs, busybox, directory) {
  const unpacked = join(directory, 'unpacked');
  mkdirSync(unpacked);
  const patterns = MODULES.flatMap(braces).map((pattern) => `*/lib/modules/*/kernel/${pattern}`);
  const wanted = ['./boot/vmlinuz-*', '*/lib/modules/*/vmlinuz', '*/lib/modules/*/modules.*', ...patterns];
  for (const deb of debs) {
    await run('bash', [
      '-c',
      // tar says that a part holds nothing of some pattern; what is really missing is found out below.
      'deb=$1 into=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | tar -x -C "$into" --wildcards "$@" 2>/dev/null || true',
      'bash',
      deb,
      unpacked,
      ...wanted,
    ]);
    rmSync(deb);
  }
  const files = readdirSync(unpacked, { recursive: true, encoding: 'utf8' });
  const image = files.find((file) => /(^|\/)vmlinuz(-[^/]*)?$/.test(file));
  const release = files
    .map((file) => /lib\/modules\/([^/]+)\/modules\.builtin$/.exec(file)?.[1])
    .find(Boolean);
  if (image === undefined || release === undefined) throw new Error(`no kernel in ${debs.join(', ')}`);
  await extractKernel(readFileSync(join(unpacked, image)), join(directory, 'vmlinux'));

  const modules = join(
    unpacked,
    dirname(files.find((file) => file.endsWith(`lib/modules/${release}/modules.builtin`))),
  );
  // Newer packages compress them; a guest should not have to undo it.
  await run('sh', ['-c', 'find "$1" -name "*.ko.xz" -print0 | xargs -0 -r -n 64 -P 2 xz -d', 'sh', modules]);
  const donor = files.find((file) => /\.ko(\.xz)?$/.test(file)).replace(/\.xz$/, '');
  await makeModule(join(directory, 'vmlinux'), join(unpacked, donor), modules);
  // Both run here and there; kmod's own index files would be of use to kmod only.
  const base = join(unpacked, 'base');
  mkdirSync(join(base, 'lib/modules'), { recursive: true });
  symlinkSync(modules, join(base, 'lib/modules', release));
  await run(busybox, ['depmod', '-b', base, release]);
  await makeInitramfs(modules, busybox, directory);
  await run('mksquashfs', [dirname(modules), join(directory, 'modules.squashfs'), ...SQUASH]);
  rmSync(unpacked, { recursive: true });
  return release;
}

/** Quick to make and quick to read: a guest has little CPU to spare. */
export const SQUASH = ['-noappend', '-quiet', '-no-progress', '-comp', 'lz4', '-all-root'];

/** `a/{b,c}*` as `a/b*` and `a/c*`. */
function braces(pattern) {
  const [, before, list, after] = /^(.*)\{(.*)\}(.*)$/.exec(pattern) ?? [];
  return list === undefined ? [pattern] : list.split(',').map((one) => before + one + after);
}

/**
 * The ELF file within a bzImage (Documentation/arch/x86/boot.rst): QEMU boots it directly, and no guest has to unpack it
 * with an emulated CPU.
 */
async function extractKernel(bzImage, path) {
  const setupSectors = bzImage[0x1f1] || 4;
  const start = (setupSectors + 1) * 512 + bzImage.readUInt32LE(0x248);
  // The last four bytes are the size of what was compressed.
  const payload = bzImage.subarray(start, start + bzImage.readUInt32LE(0x24c) - 4);
  const magic = payload.subarray(0, 4).toString('hex');
  const tool = { fd377a58: 'xz', '28b52ffd': 'zstd' }[magic];
  if (tool === undefined) throw new Error(`the kernel is compressed with something else: ${magic}`);
  const packed = `${path}.packed`;
  writeFileSync(packed, payload);
  await run('sh', ['-c', `${tool} -dc <"$1" >"$2"`, 'sh', packed, path]);
  rmSync(packed);
}

async function makeInitramfs(modules, busybox, directory) {
  const tree = join(directory, 'initramfs.d');
  for (const path of ['bin', 'dev', 'proc', 'root', 'modules'])
    mkdirSync(join(tree, path), { recursive: true });
  copyFileSync(busybox, join(tree, 'bin/busybox'));
  copyFileSync(INIT, join(tree, 'init'));
  chmodSync(join(tree, 'init'), 0o755);
  const order = loadOrder(readFileSync(join(modules, 'modules.dep'), 'utf8'), BOOT);
  for (const [i, file] of order.entries()) copyFileSync(join(modules, file), join(tree, 'modules', name(i)));
  writeFileSync(join(tree, 'modules/order'), order.map((_, i) => `${name(i)}\n`).join(''));
  await run('sh', [
    '-c',
    'cd "$1" && find . | cpio --quiet -o -H newc >"$2"',
    'sh',
    tree,
    join(directory, 'initramfs'),
  ]);
  rmSync(tree, { recursive: true });
}

const name = (index) => `${index}.ko`;

/** The files of these modules and of all they need, each after what it needs. Built-in ones have none. */
function loadOrder(dependencies, wanted) {
  const needs = new Map(
    dependencies
      .trim()
      .split('\n')
      .map((line) => line.split(':'))
      .map(([file, rest]) => [file, rest.trim().split(' ').filter(Boolean)]),
  );
  const order = [];
  const visit = (file) => {
    if (order.includes(file)) return;
    for (const other of needs.get(file) ?? []) visit(other);
    order.push(file);
  };
  for (const module of wanted) {
    const file = [...needs.keys()].find((path) => path.endsWith(`/${module}.ko`));
    if (file !== undefined) visit(file);
  }
  return order;
}
