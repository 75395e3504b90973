// One guest: a kernel under QEMU, emulated (TCG), so that it runs wherever QEMU does. It has no network. What it prints
// comes over one line, its report over another.
import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { store } from './debian.mjs';

/** The disks of a guest, as it finds them: /dev/vda, /dev/vdb, /dev/vdc. */
const disk = (file, id, readonly) => [
  '-drive',
  `if=none,id=${id},file=${file},format=raw,cache=unsafe,readonly=${readonly ? 'on' : 'off'}`,
  '-device',
  `virtio-blk-pci,drive=${id}`,
];

const line = (name, path) => [
  '-chardev',
  path === undefined ? `stdio,id=${name},signal=off` : `file,id=${name},path=${path}`,
];

/** Bytes of the disk that tests may write to. */
const SCRATCH = 64 << 20;

const KERNEL_ARGUMENTS = [
  'console=ttyS0 quiet loglevel=4 printk.devkmsg=on',
  // A panic ends the guest.
  'panic=-1 oops=panic',
  // Pure cgroup v2 with everything that it has.
  'cgroup_no_v1=all psi=1 swapaccount=1',
  // Two memory nodes, for cpuset.mems.
  'numa=fake=2',
  // What a profile of a system's configuration is for.
  'apparmor=1',
  // The one clock that QEMU keeps right on a busy host.
  'clocksource=acpi_pm',
  // What only costs time here.
  'nokaslr mitigations=off random.trust_cpu=on cryptomgr.notests no_timer_check nowatchdog audit=0',
  'selinux=0 8250.nr_uarts=1 rcupdate.rcu_expedited=1',
].join(' ');

/**
 * Boots `kernel` (as `stored` tells it) on the root image, and resolves when the guest is gone:
 * `{ seconds, report, timedOut, console }`. Without a report the guest did not get to its end; `console` says why.
 *
 * @param seconds  after which it is killed
 * @param onOutput called with what the tests print
 */
export async function runGuest(kernel, image, { seconds, onOutput }) {
  const directory = join(store, `.guest-${kernel.name}-${process.pid}`);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory);
  const at = (name) => join(directory, name);
  const began = performance.now();
  try {
    for (const name of ['console', 'report', 'scratch']) writeFileSync(at(name), '');
    truncateSync(at('scratch'), SCRATCH);
    const lines = [
      ...line('console', at('console')),
      ...['-serial', 'chardev:console', '-device', 'virtio-serial-pci'],
      ...line('output'),
      ...['-device', 'virtserialport,chardev=output,name=output'],
      ...line('report', at('report')),
      ...['-device', 'virtserialport,chardev=report,name=report'],
    ];
    const machine = [...machineOf(kernel, image, at('scratch'), ''), ...lines];
    const { timedOut, said } = await runQemu(machine, { seconds, onOutput });
    const text = readFileSync(at('report'), 'utf8');
    return {
      seconds: (performance.now() - began) / 1000,
      report: text.endsWith('\n') ? JSON.parse(text) : undefined,
      timedOut,
      console: readFileSync(at('console'), 'utf8').replaceAll('\r', '') + said,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A shell in a guest, on this terminal. It ends with the shell. */
export async function runShell(kernel, image) {
  const scratch = join(store, `.scratch-${process.pid}`);
  writeFileSync(scratch, '');
  truncateSync(scratch, SCRATCH);
  try {
    const machine = machineOf(kernel, image, scratch, 'cofferdam.shell');
    const qemu = spawnQemu([...machine, ...line('console'), '-serial', 'chardev:console'], 'inherit');
    await new Promise((resolve) => qemu.once('exit', resolve));
  } finally {
    rmSync(scratch);
  }
}

function machineOf(kernel, image, scratch, more) {
  return [
    ...[
      '-nodefaults',
      '-no-user-config',
      '-display',
      'none',
      '-no-reboot',
      '-M',
      'pc,smm=off,hpet=off,usb=off',
    ],
    ...['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', 'max', '-smp', '1', '-m', '1024'],
    ...['-kernel', join(kernel.directory, 'vmlinux'), '-initrd', join(kernel.directory, 'initramfs')],
    ...['-append', `${KERNEL_ARGUMENTS} ${more}`],
    ...disk(image, 'root', true),
    ...disk(join(kernel.directory, 'modules.squashfs'), 'modules', true),
    ...disk(scratch, 'scratch', false),
  ];
}

/** Dies with this process, however that ends: nobody else knows of it. */
const spawnQemu = (args, stdio) =>
  spawn('setpriv', ['--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', ...args], { stdio });

function runQemu(args, { seconds, onOutput }) {
  return new Promise((resolve, reject) => {
    // stdin stays open and empty: at its end QEMU would take the line for cut.
    const qemu = spawnQemu(args, ['pipe', 'pipe', 'pipe']);
    let timedOut = false;
    let said = '';
    const deadline = setTimeout(() => {
      timedOut = true;
      qemu.kill('SIGKILL');
    }, seconds * 1000);
    qemu.stdout.setEncoding('utf8').on('data', onOutput);
    qemu.stderr.setEncoding('utf8').on('data', (text) => {
      said += text;
    });
    qemu.once('error', (error) => {
      clearTimeout(deadline);
      reject(error);
    });
    qemu.once('close', () => {
      clearTimeout(deadline);
      resolve({ timedOut, said });
    });
  });
}
