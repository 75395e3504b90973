import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAPABILITIES, keptCapabilities } from '../../../src/system/capabilities.ts';
import { compileSeccomp, defaultSeccompProfile, type OciSeccomp } from '../../../src/system/seccomp/index.ts';
import { SYSCALLS } from '../../../src/system/seccomp/syscalls.ts';
import { type CProgram, compileC } from '../../support/c-program.ts';

/** Programs as the kernel takes and runs them. Calls are chosen so that they would do nothing if they got through. */

const { EPERM, ENOSYS, EFAULT, EINVAL, EBADF } = constants.errno;
const DEFAULT_DROP = ['CAP_SYS_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_PTRACE'];
const ARCH = process.arch === 'arm64' ? 'aarch64' : 'x86_64';

let filtered: CProgram;
let file: string;

beforeAll(() => {
  filtered = compileC(new URL('../programs/filtered.c', import.meta.url));
  file = join(filtered.directory, 'filter');
});
afterAll(() => filtered.remove());

function load(profile: OciSeccomp, capabilities: ReadonlySet<string> = keptCapabilities(DEFAULT_DROP)) {
  writeFileSync(file, compileSeccomp(profile, { capabilities }).program);
}

/** Runs `filtered`, and says what it said. */
function run(...args: string[]): {
  status: number | null;
  signal: string | null;
  output: string;
  errors: string;
} {
  const { status, signal, stdout, stderr } = spawnSync(filtered.path, [file, ...args], {
    encoding: 'utf8',
    timeout: 30_000,
    // The leak check of sanitizers traces, which is among what is kept out.
    env: { ...process.env, LD_PRELOAD: '' },
  });
  return { status, signal, output: stdout, errors: stderr };
}

/** errno of each call under the filter that is loaded, 0 for none: [name, arguments...]. */
function errnos(...calls: (readonly [string, ...(number | string)[]])[]): (number | string)[] {
  const words = calls.map(([name, ...args]) => [SYSCALLS[ARCH].get(name) ?? name, ...args].join(','));
  const { output, errors, status } = run('try', ...words);
  expect([errors, status]).toEqual(['', 0]);
  const lines = output.trim().split('\n');
  return lines.map((line) => (/^\d+$/.test(line) ? Number(line) : line));
}

describe('the kernel', () => {
  it('does what a program says', () => {
    load({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: [
        { names: ['getpgid'], action: 'SCMP_ACT_ERRNO', errno: 'ENOTTY' },
        { names: ['getsid'], action: 'SCMP_ACT_KILL_PROCESS' },
        {
          names: ['sched_getscheduler'],
          action: 'SCMP_ACT_ERRNO',
          errnoRet: 77,
          args: [
            { index: 0, value: '0x100000000', op: 'SCMP_CMP_GE' },
            { index: 1, value: 5, valueTwo: 4, op: 'SCMP_CMP_MASKED_EQ' },
          ],
        },
      ],
    });
    expect(
      errnos(
        ['getpgid'],
        ['getsid'],
        ['sched_getscheduler', '0x100000000', 4],
        ['sched_getscheduler', '0x100000000', 6],
        ['sched_getscheduler', '0x100000000', 5],
        ['sched_getscheduler', '0xffffffff', 4],
        ['getppid'],
      ),
    ).toEqual([constants.errno.ENOTTY, 'signal 31', 77, 77, 0, EINVAL, 0]);
  });

  it.runIf(process.arch === 'x64')('sees neither i386 nor x32 under it', () => {
    load({ defaultAction: 'SCMP_ACT_ALLOW' });
    expect(run('int80')).toMatchObject({ signal: 'SIGSYS', output: '' });
    const x32 = (0x40000000 | (SYSCALLS.x86_64.get('getpid') ?? 0)).toString();
    expect(errnos([x32])).toEqual([ENOSYS]);
    load(defaultSeccompProfile());
    expect(run('int80')).toMatchObject({ signal: 'SIGSYS' });
  });

  it('takes the largest program', () => {
    const names = [...SYSCALLS[ARCH].keys()].filter(
      (name) => !['exit_group', 'write', 'seccomp'].includes(name),
    );
    const rules = (count: number): OciSeccomp => ({
      defaultAction: 'SCMP_ACT_ALLOW',
      syscalls: names.slice(0, count).map((name, place) => ({
        names: [name],
        action: 'SCMP_ACT_ERRNO',
        args: [0, 1, 2].map((index) => ({ index, value: place + 0x1_0000_0000, op: 'SCMP_CMP_EQ' as const })),
      })),
    });
    let count = names.length;
    const fits = () => {
      try {
        return compileSeccomp(rules(count)).program.length > 0;
      } catch {
        return false;
      }
    };
    while (!fits()) count--;
    load(rules(count));
    expect(compileSeccomp(rules(count)).program.length / 8).toBeGreaterThan(4000);
    expect(errnos(['getppid'])).toEqual([0]);
  });
});

describe('the default profile', () => {
  beforeAll(() => load(defaultSeccompProfile()));

  it('keeps out what reaches past a system', () => {
    const NEWUSER = 0x1000_0000;
    const calls = [
      ['kexec_load'],
      ['kexec_file_load', -1, -1],
      ['init_module'],
      ['finit_module', -1],
      ['delete_module'],
      ['bpf', -1],
      ['perf_event_open'],
      ['ptrace', -1],
      ['process_vm_readv', 0],
      ['process_vm_writev', 0],
      ['pidfd_getfd', -1, -1],
      ['kcmp', 0, 0, -1],
      ['keyctl', -1],
      ['add_key'],
      ['request_key'],
      ['mount'],
      ['umount2'],
      ['fsopen'],
      ['fsconfig', -1],
      ['fsmount', -1],
      ['move_mount', -1, 0, -1],
      ['open_tree', -1, 0],
      ['mount_setattr', -1],
      ['pivot_root'],
      ['unshare', NEWUSER],
      ['unshare', '0x80'],
      ['unshare', '0x100000000'],
      ['clone', NEWUSER],
      ['clone', 0x2000_0000],
      ['setns', -1],
      ['open_by_handle_at', -1],
      ['userfaultfd', -1],
      ['io_uring_setup', 0],
      ['io_uring_enter', -1],
      ['io_uring_register', -1],
      ['swapon'],
      ['swapoff'],
      ['reboot', 0],
      ['acct', -1],
      ['quotactl', -1],
      ['quotactl_fd', -1, -1],
      ['clock_settime', -1],
      ['clock_adjtime', -1],
      ['adjtimex', 0],
      ['settimeofday', 1, 0],
      ['personality', 0x0040000],
      ['personality', '0x100000000'],
      ['socket', 40, 1, 0],
      ['socket', 38, 5, 0],
      ['socket', '0x100000028', 1, 0],
      ['socket', 29, 3, 1],
      ['socketpair', 30, 1],
      ['ioctl', -1, 0x5412],
      ['ioctl', -1, '0x100005412'],
      ['ioctl', -1, 0x541c],
      ['mknodat', -1, 0, 0x2000],
      ['mknodat', -1, 0, '0x16000'],
      ['syslog', -1],
      ['move_pages', 0],
      ['migrate_pages', 0],
      ['lookup_dcookie'],
      ['nfsservctl'],
      ['vhangup'],
      ['sethostname', 0, -1],
      ['fanotify_init', -1],
    ] as const;
    const known = calls.filter(([name]) => SYSCALLS[ARCH].has(name));
    const said = errnos(...known);
    expect(known.map(([name], place) => [name, said[place]])).toEqual(known.map(([name]) => [name, EPERM]));
    if (ARCH === 'x86_64') {
      const old = [['iopl', -1], ['ioperm', -1, -1], ['modify_ldt', -1], ['uselib'], ['ustat']] as const;
      expect(errnos(...old)).toEqual(old.map(() => EPERM));
    }
  });

  it('lets libraries do without what they can do without', () => {
    expect(errnos(['clone3'], ['5000'], ['471'], ['fchroot'])).toEqual([
      ENOSYS,
      ENOSYS,
      expect.any(Number),
      ENOSYS,
    ]);
  });

  it('lets through what programs do', () => {
    expect(
      errnos(
        ['personality', 0xffffffff],
        ['unshare', 0x400],
        ['socket', 1, 1, 0],
        ['socket', 2, 1, 0],
        ['socket', 10, 1, 0],
        ['socket', 16, 3, 0],
        ['ioctl', -1, 0x5413],
        ['mknodat', -1, 1, 0x1000],
        ['landlock_create_ruleset', 0, 0, 1],
        ['capget'],
        ['memfd_create', 0],
        ['seccomp', -1],
      ).map((errno) => (errno === EPERM ? 'refused' : errno)),
    ).toEqual([0, 0, 0, 0, 0, 0, EBADF, EFAULT, expect.any(Number), EFAULT, EFAULT, EINVAL]);
  });

  it('opens for capabilities that are kept, and only what is theirs', () => {
    load(defaultSeccompProfile(), new Set(CAPABILITIES));
    const through = errnos(
      ['mount'],
      ['unshare', '0x100000000'],
      ['setns', -1],
      ['clone3'],
      ['ptrace', -1],
      ['kcmp', 0, 0, -1],
      ['chroot'],
    );
    expect(through.filter((errno) => errno === ENOSYS)).toEqual([]);
    expect(through.slice(0, 4)).toEqual([EFAULT, EINVAL, EBADF, EINVAL]);
    const never = [
      ['init_module'],
      ['bpf', -1],
      ['reboot', 0],
      ['syslog', -1],
      ['io_uring_setup', 0],
    ] as const;
    expect(errnos(...never)).toEqual(never.map(() => EPERM));
    load(defaultSeccompProfile());
  });

  it('lets Node run: threads, children, files, sockets, timers', () => {
    const script = `
      import { Worker } from 'node:worker_threads';
      import { execFileSync } from 'node:child_process';
      import { readFile, mkdtemp, rm } from 'node:fs/promises';
      import { createServer, connect } from 'node:net';
      import { once } from 'node:events';
      const worker = new Worker('(await import("node:worker_threads")).parentPort.postMessage(42)', { eval: true });
      const [answer] = await once(worker, 'message');
      const child = execFileSync('sh', ['-c', 'ls / | wc -l; date +%Y; head -c 9 /dev/urandom | sha256sum'], { encoding: 'utf8' });
      const directory = await mkdtemp('/tmp/cofferdam-seccomp-');
      const server = createServer((socket) => socket.end('hello')).listen(directory + '/socket');
      await once(server, 'listening');
      const [data] = await once(connect(directory + '/socket'), 'data');
      server.close();
      await rm(directory, { recursive: true });
      console.log(answer, child.split('\\n').length, String(data), (await readFile('/proc/self/status', 'utf8')).match(/Seccomp:\\t(\\d)/)[1]);
    `;
    expect(run('exec', process.execPath, '--input-type=module', '--eval', script)).toEqual({
      ...{ status: 0, signal: null, output: '42 4 hello 2\n', errors: '' },
    });
  });

  it('lets a compiler, python and the tools of a build run', () => {
    const source = join(filtered.directory, 'x.c');
    writeFileSync(source, '#include <pthread.h>\nint main(void) { return 0; }\n');
    const commands = [
      `cc -pthread -o ${source}.out ${source} && ${source}.out`,
      `tar -C ${filtered.directory} -cf - x.c | tar -tf - | grep -q x.c`,
      'python3 -c "import threading, subprocess, socket, tempfile; subprocess.run([\'true\'], check=True)"',
      'git --version >/dev/null && seq 3 | xargs -P 3 -n 1 true',
      `mkfifo ${source}.fifo && (echo x > ${source}.fifo &) && read line < ${source}.fifo`,
    ];
    for (const command of commands) {
      expect([command, run('exec', 'sh', '-ec', command)]).toMatchObject([
        command,
        { status: 0, errors: '' },
      ]);
    }
  });
});
