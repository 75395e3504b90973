// The root image of every guest: this host's node and network tools with their libraries, busybox for the small ones, the
// package as built, and the tests as one bundle. Made anew for each run, which takes a second or two, so that nothing in
// it is ever stale.
import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../check/run.mjs';
import { busybox } from './debian.mjs';
import { SQUASH } from './prepare.mjs';

const run = promisify(execFile);

/** Programs that tests call, by the Debian package that has them. */
const PROGRAMS = {
  bash: ['bash'],
  dash: ['dash'],
  ethtool: ['ethtool'],
  iproute2: ['bridge', 'ip', 'rdma', 'ss', 'tc'],
  nftables: ['nft'],
  procps: ['ps', 'sysctl'],
  'util-linux': ['fallocate', 'mount', 'nsenter', 'prlimit', 'setpriv', 'umount', 'unshare'],
};

/** Of busybox only what does not stand in the way of a program above: its `ip` knows half of the words. */
const APPLETS =
  'basename cat chmod chown cp cut date dd df dirname dmesg du echo env expr false find grep head hostname id kill ln ls lsmod md5sum mkdir mkfifo mknod mkswap modprobe mv nice od poweroff printf pwd readlink rm rmdir rmmod sed seq setsid sleep sort stat stty swapoff swapon sync tail taskset tee test timeout touch tr true truncate tty uname usleep wc which xargs yes'.split(
    ' ',
  );

/** What those programs read besides. */
const DATA = [
  '/etc/iproute2',
  '/usr/share/iproute2',
  '/usr/lib/tc',
  '/usr/lib/x86_64-linux-gnu/tc',
  '/etc/protocols',
  '/etc/services',
];

const MOUNT_POINTS = ['dev', 'home', 'modules', 'proc', 'root', 'run', 'sys', 'tmp', 'var', 'mnt'];

/** Of this package: what an installed one has, and the addon as it was built last. */
const PACKAGE = [
  'package.json',
  'build/Release/cofferdam.node',
  'build/Release/cofferdam-supervisor',
  'profiles',
  'dist',
  'node_modules/node-gyp-build',
  'node_modules/picocolors',
  'node_modules/yaml',
];

/** Writes the image to `image`; `bundle` is the directory with the compiled tests. */
export async function makeRoot(image, bundle) {
  const tree = `${image}.d`;
  rmSync(tree, { recursive: true, force: true });
  for (const path of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', 'etc', 'cofferdam'])
    mkdirSync(join(tree, path), { recursive: true });
  for (const path of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${path}`, join(tree, path));
  for (const path of MOUNT_POINTS) mkdirSync(join(tree, path), { recursive: true });
  // Not in /usr itself: who is not root may put an overlay only over a directory that has no mount in it.
  symlinkSync('../../modules', join(tree, 'usr/lib/modules'));

  const programs = Object.entries(PROGRAMS).flatMap(([owner, names]) =>
    names.map((name) => locate(name, owner)),
  );
  for (const program of programs) copyFileSync(program, join(tree, 'usr/bin', program.split('/').at(-1)));
  copyFileSync(process.execPath, join(tree, 'usr/bin/node'));
  symlinkSync('dash', join(tree, 'usr/bin/sh'));
  for (const applet of APPLETS) symlinkSync('busybox', join(tree, 'usr/bin', applet));
  copyFileSync(busybox(), join(tree, 'usr/bin/busybox'));
  // Where the kernel looks for it.
  symlinkSync('../bin/busybox', join(tree, 'usr/sbin/modprobe'));

  for (const path of PACKAGE) {
    if (!existsSync(join(root, path))) throw new Error(`${path} is missing: npm ci, npm run build`);
    cpSync(join(root, path), join(tree, 'cofferdam', path), { recursive: true, dereference: true });
  }
  cpSync(bundle, join(tree, 'cofferdam/bundle'), { recursive: true });
  const objects = [...programs, process.execPath, join(root, 'build/Release/cofferdam.node')];
  for (const library of librariesOf(objects)) {
    mkdirSync(join(tree, dirname(library)), { recursive: true });
    copyFileSync(library, join(tree, library));
  }
  for (const path of DATA.filter(existsSync))
    cpSync(path, join(tree, path), { recursive: true, dereference: true });
  writeFileSync(join(tree, 'etc/passwd'), 'root:x:0:0::/root:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n');
  writeFileSync(join(tree, 'etc/shadow'), 'root:*:::::::\nnobody:*:::::::\n', { mode: 0o640 });
  writeFileSync(join(tree, 'etc/group'), 'root:x:0:\nnogroup:x:65534:\n');
  writeFileSync(join(tree, 'etc/hosts'), '127.0.0.1 localhost\n');
  // Links that nobody asked for, in the guest's first namespace.
  mkdirSync(join(tree, 'etc/modprobe.d'));
  writeFileSync(
    join(tree, 'etc/modprobe.d/quiet.conf'),
    'options bonding max_bonds=0\noptions dummy numdummies=0\noptions ifb numifbs=0\n',
  );
  copyFileSync(join(import.meta.dirname, 'guest/start'), join(tree, 'start'));
  chmodSync(join(tree, 'start'), 0o755);

  rmSync(image, { force: true });
  await run('mksquashfs', [tree, image, ...SQUASH]);
  rmSync(tree, { recursive: true });
}

function locate(program, owner) {
  const directories = (process.env.PATH ?? '').split(':').concat('/usr/sbin', '/sbin', '/usr/bin', '/bin');
  const found = directories.map((directory) => join(directory, program)).find(existsSync);
  if (found === undefined) throw new Error(`${program} not found: apt-get install ${owner}`);
  return found;
}

/** Every shared object that these load, and the loader itself; a static program has none. */
function librariesOf(objects) {
  const libraries = new Set();
  for (const object of objects) {
    const listed = execFileSync('ldd', [realpathSync(object)], { encoding: 'utf8' });
    for (const [, path] of listed.matchAll(/^\s*(?:\S+ => )?(\/\S+) \(0x/gm)) libraries.add(path);
  }
  return libraries;
}
