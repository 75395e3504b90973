// What a program in a system tries in order to get out, to look at the host, or to leave something behind: all of it fails.
// Each attempt is a script that says "escaped" where it succeeded, run as root inside, with the default configuration.

import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readStatus } from '../../src/process/identity.ts';
import { Pidfd } from '../../src/process/index.ts';
import type { Namespace, SystemConfig } from '../../src/system/config/index.ts';
import { System } from '../../src/system/index.ts';
import { type CProgram, compileC } from '../support/c-program.ts';

let box: System;
let secret: string;
const word = `secret-${randomUUID()}`;
let program: CProgram;

beforeAll(async () => {
  program = compileC(new URL('programs/escape.c', import.meta.url));
  secret = mkdtempSync(join(tmpdir(), 'escape-'));
  writeFileSync(join(secret, 'file'), word);
  process.env.COFFERDAM_ESCAPE_SECRET = word;
  box = await System.create({
    name: 'escape',
    group: `cofferdam-test-${process.pid}`,
    root: { binds: [{ source: program.path, target: '/probe', read_only: true }] },
  });
});
afterAll(async () => {
  await box.stop({ gracePeriod: 0 });
  delete process.env.COFFERDAM_ESCAPE_SECRET;
  rmSync(secret, { recursive: true });
  program.remove();
});

async function said(argv: readonly string[]): Promise<string> {
  const command = await box.start(argv, { stdio: ['ignore', 'pipe', 'pipe'], cwd: '/tmp' });
  const [out, err] = await Promise.all([
    text(command.stdout as Readable),
    text(command.stderr as Readable),
    command.wait({ timeout: 50_000 }),
  ]);
  return out + err;
}

/** The canary: an attempt that is allowed, and must be seen to be. */
it('an attempt that succeeds is told', async () => {
  expect(await said(['sh', '-c', 'echo x > /tmp/x && echo escaped'])).toContain('escaped');
  expect(await said(['/probe', 'getpid'])).toContain('escaped');
});

const SCRIPTS: readonly (readonly [name: string, script: string])[] = [
  ['mounts a file system', 'mount -t tmpfs none /mnt && echo escaped'],
  ['mounts the disk of the host', 'mknod disk b 254 0 && mount disk /mnt && echo escaped'],
  ['makes a device node', 'mknod /dev/mem c 1 1 && echo escaped'],
  ['makes a node of the kernel log', 'mknod kmsg c 1 11 && head -c 10 kmsg && echo escaped'],
  ['unmounts what covers the kernel', 'umount /proc/sys && echo escaped'],
  ['remounts /sys writable', 'mount -o remount,rw /sys && echo escaped'],
  ['pulls the emergency brake', 'echo h > /proc/sysrq-trigger && echo escaped'],
  ['sets a sysctl of the host', 'echo 1 > /proc/sys/kernel/panic && echo escaped'],
  ['sets a core pattern', 'echo "|/bin/sh" > /proc/sys/kernel/core_pattern && echo escaped'],
  ['sets a program for modules', 'echo /bin/sh > /proc/sys/kernel/modprobe && echo escaped'],
  [
    'registers a binary format',
    'echo ":x:M::x::/bin/sh:" > /proc/sys/fs/binfmt_misc/register && echo escaped',
  ],
  ['writes to /sys', 'echo 1 > /sys/kernel/mm/ksm/run && echo escaped'],
  ['sets a uevent helper', 'echo /bin/sh > /sys/kernel/uevent_helper && echo escaped'],
  ['reads kernel memory', 'head -c 100 /proc/kcore | grep -q . && echo escaped'],
  [
    'reads the addresses of the kernel',
    'grep -qE "^0*[1-9a-f][0-9a-f]* [tT] " /proc/kallsyms && echo escaped',
  ],
  ['reads keys of the host', '[ -n "$(cat /proc/keys)" ] && echo escaped'],
  ['reads the log of the kernel', 'dmesg | grep -q . && echo escaped'],
  ['reads passwords', '[ -n "$(cat /etc/shadow)" ] && echo escaped'],
  ['reads the files of root', '[ -n "$(ls -A /root)" ] && echo escaped'],
  ['sees processes of the host', '[ "$(ls -d /proc/[0-9]* | wc -l)" -gt 20 ] && echo escaped'],
  ['reads the environment of pid 1', 'tr "\\0" "\\n" < /proc/1/environ | grep -q . && echo escaped'],
  ['reads the memory of pid 1', 'head -c 10 /proc/1/mem > /dev/null && echo escaped'],
  ['uses the fds of pid 1', 'for fd in 0 1 2 3 4 5; do readlink /proc/1/fd/$fd && echo escaped; done'],
  ['leaves by the root of pid 1', 'ls /proc/1/root/ > /dev/null && echo escaped'],
  ['kills pid 1', 'kill -KILL 1; kill -TERM 1; sleep 0.1; kill -0 1 && [ -e /proc/1 ] || echo escaped'],
  ['joins the namespaces of pid 1', 'nsenter -t 1 -m -n true && echo escaped'],
  ['makes a user namespace, and mounts in it', 'unshare -Urm mount -t tmpfs none /mnt && echo escaped'],
  ['makes a user namespace', 'unshare -U true && echo escaped'],
  ['moves out of its cgroup', 'echo $$ > /sys/fs/cgroup/../cgroup.procs && echo escaped'],
  ['lifts its own limits', 'echo max > /sys/fs/cgroup/cgroup.max.descendants && echo escaped'],
  ['makes cgroups', 'mkdir /sys/fs/cgroup/mine && echo escaped'],
  ['sees the cgroups of others', 'grep -q "/\\.\\./" /proc/self/cgroup && echo escaped'],
  ['sees the links of the host', '[ "$(ls /sys/class/net | wc -l)" -gt 8 ] && echo escaped'],
  ['changes the time', 'date -s 2001-01-01 && echo escaped'],
  ['leaves by chroot', 'mkdir -p jail && chroot jail true && echo escaped'],
  [
    'writes to the disk by its device',
    'ls /dev/vda /dev/sda /dev/nvme0n1 2> /dev/null | grep -q . && echo escaped',
  ],
  ['lifts its limits of fds beyond the hard ones', 'ulimit -Hn 100000000 && echo escaped'],
  [
    'makes programs run as others do',
    'cp /bin/sh mysh && chmod u+s mysh && [ -u mysh ] && grep -q "NoNewPrivs:.0" /proc/self/status && echo escaped',
  ],
];

it.each(SCRIPTS)('who %s does not get away with it', async (_, script) => {
  expect(await said(['sh', '-c', script])).not.toContain('escaped');
  expect(box.end).toBeUndefined();
});

const CALLS = [
  'ptrace',
  'process_vm_readv',
  'keyctl',
  'add_key',
  'bpf',
  'perf_event_open',
  'userfaultfd',
  'io_uring_setup',
  'kexec_load',
  'init_module',
  'finit_module',
  'delete_module',
  'reboot',
  'swapon',
  'acct',
  'settimeofday',
  'open_by_handle_at',
  'mount',
  'umount2',
  'pivot_root',
  'fsopen',
  'open_tree',
  'move_mount',
  'setns',
  'unshare_newns',
  'clone_newuser',
  'raw_socket',
  'packet_socket',
  'vsock',
  'tiocsti',
  'syslog',
  'quotactl',
  'iopl',
] as const;

it.each(CALLS)('the call %s is refused', async (name) => {
  const answer = await said(['/probe', name]);
  expect(answer).toMatch(new RegExp(`^${name}: `));
  expect(answer).not.toContain('escaped');
});

it('the environment and the files of the owner are nowhere to be found', async () => {
  // A pattern that its own text does not match.
  const pattern = `secret[-]${word.slice(7, 20)}`;
  const search = (where: string): string => `cat ${where} 2> /dev/null | grep -a -c '${pattern}'`;
  expect((await said(['sh', '-c', `X=${word} sh -c "${search('/proc/self/environ')}"`])).trim()).toBe('1');
  expect((await said(['sh', '-c', search('/proc/[0-9]*/environ /proc/[0-9]*/task/*/environ')])).trim()).toBe(
    '0',
  );
  expect(existsSync(join(secret, 'file'))).toBe(true);
  expect(await said(['cat', join(secret, 'file')])).toMatch(/No such file/);
});

it('no fd of the owner, of the supervisor or of pid 1 comes along', async () => {
  const links = await said([
    'sh',
    '-c',
    'ls -l /proc/self/fd | grep -v -E "pipe:|/dev/null|/proc/" | grep -- "->" || true',
  ]);
  expect(links.trim()).toBe('');
});

it('what it changes inside is not changed outside', async () => {
  const before = readFileSync('/etc/passwd', 'utf8');
  await said(['sh', '-c', 'echo evil >> /etc/passwd; rm -rf /usr/share/doc; hostname evil']);
  expect(readFileSync('/etc/passwd', 'utf8')).toBe(before);
});

/** The supervisor lets in who may trace it: a pidfd of it, got wherever, is of no use inside. */
describe('the door of the supervisor', () => {
  let doors = 0;
  const knock = async (config: SystemConfig): Promise<string> => {
    await using system = await System.create({
      name: `door-${++doors}`,
      group: `cofferdam-test-${process.pid}`,
      root: { binds: [{ source: program.path, target: '/probe', read_only: true }] },
      ...config,
    });
    const { parent } = readStatus(system.pid);
    await using pidfd = await Pidfd.open(parent);
    // The canary: there is a door, and root of the host may use it.
    const host = spawn(program.path, ['door'], { stdio: ['ignore', 'pipe', 'inherit', pidfd.fd] });
    expect(await text(host.stdout as Readable)).toBe('door: escaped\n');
    const command = await system.start(['/probe', 'door'], {
      stdio: ['ignore', 'pipe', 'inherit', pidfd.fd],
    });
    const [answer] = await Promise.all([text(command.stdout as Readable), command.wait()]);
    return answer;
  };
  const without = (...names: Namespace[]): Namespace[] =>
    (['pid', 'net', 'mount', 'uts', 'ipc', 'user', 'cgroup'] as const).filter(
      (name) => !names.includes(name),
    );

  it.each<[string, SystemConfig]>([
    ['by default', {}],
    ['without a filter', { security: { seccomp: 'unconfined' } }],
    [
      'with all capabilities of its user namespace',
      { security: { seccomp: 'unconfined', capabilities: { drop: [] }, no_new_privs: false } },
    ],
    [
      'as root of the host, less the capability to trace',
      { security: { seccomp: 'unconfined', namespaces: without('user', 'pid') } },
    ],
  ])('is closed: %s', async (_, config) => {
    expect(await knock(config)).toBe('door: Operation not permitted\n');
  });
});
