/**
 * Programs that others use for what a disposable system does, each called as its own users call it, as far as it goes: the
 * same job in namespaces, on the host's /usr read-only, and in a cgroup where the program can make one here.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MERGED = ['bin', 'lib', 'lib64', 'sbin'];

const INERT = ['nosuid', 'noexec', 'nodev'];
const OCI_MOUNTS = [
  { destination: '/proc', type: 'proc', source: 'proc' },
  { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755', 'size=65536k'] },
  { destination: '/usr', type: 'bind', source: '/usr', options: ['rbind', 'ro'] },
  { destination: '/tmp', type: 'tmpfs', source: 'tmpfs', options: INERT },
];
const OCI_NAMESPACES = ['pid', 'network', 'ipc', 'uts', 'cgroup', 'mount'];

/** A bundle of the OCI's in `place`, whose container runs `argv`. */
function bundle(place, argv) {
  mkdirSync(join(place, 'rootfs'), { recursive: true });
  for (const name of ['proc', 'dev', 'tmp', 'usr']) mkdirSync(join(place, 'rootfs', name));
  for (const name of MERGED) symlinkSync(`usr/${name}`, join(place, 'rootfs', name));
  const capabilities = ['CAP_KILL', 'CAP_NET_BIND_SERVICE'];
  const config = {
    ociVersion: '1.0.0',
    process: {
      user: { uid: 0, gid: 0 },
      args: argv,
      env: ['PATH=/usr/sbin:/usr/bin:/sbin:/bin'],
      cwd: '/',
      capabilities: { bounding: capabilities, effective: capabilities, permitted: capabilities },
      noNewPrivileges: true,
    },
    root: { path: 'rootfs', readonly: true },
    hostname: 'box',
    mounts: OCI_MOUNTS,
    linux: { namespaces: OCI_NAMESPACES.map((type) => ({ type })), cgroupsPath: '/box' },
  };
  writeFileSync(join(place, 'config.json'), JSON.stringify(config));
}

function runtime(name, options, lacks) {
  const state = (place) => [name, '--root', join(place, 'state'), ...options];
  return {
    name,
    program: name,
    lacks,
    prepare: bundle,
    command: (place) => [...state(place), 'run', '--bundle', place, 'box'],
    /** How its user ends what runs. */
    end: (place) => [...state(place), 'kill', 'box', 'KILL'],
  };
}

const bubblewrap = (name, options, lacks) => ({
  name,
  program: 'bwrap',
  lacks,
  prepare() {},
  command: (_place, argv) => [
    'bwrap',
    ...options,
    ...['--unshare-all', '--unshare-user', '--ro-bind', '/usr', '/usr'],
    ...MERGED.flatMap((entry) => ['--symlink', `usr/${entry}`, `/${entry}`]),
    ...['--proc', '/proc', '--dev', '/dev', '--tmpfs', '/tmp', '--cap-drop', 'ALL', '--', ...argv],
  ],
});

const NOBODY_WATCHES = 'nobody notices that the caller died';
const NOT_THESE = 'no writable overlay, no link, no time limit';

/** `lacks` says what of a disposable system each does not do, or not here. */
export const TOOLS = [
  runtime(
    'crun',
    ['--cgroup-manager=disabled'],
    // Its filter of devices asks for RLIMIT_MEMLOCK without end, which takes CAP_SYS_RESOURCE.
    `no cgroup here (--cgroup-manager=disabled), no user namespace, ${NOT_THESE}; ${NOBODY_WATCHES}`,
  ),
  runtime('runc', [], `a cgroup without limits, no user namespace, ${NOT_THESE}; ${NOBODY_WATCHES}`),
  bubblewrap('bwrap', [], `no cgroup, no seccomp filter of its own, ${NOT_THESE}; ${NOBODY_WATCHES}`),
  bubblewrap(
    'bwrap --die-with-parent',
    ['--die-with-parent'],
    `no cgroup, no seccomp filter of its own, ${NOT_THESE}; PR_SET_PDEATHSIG, with a gap until it is set`,
  ),
  {
    name: 'unshare --kill-child',
    program: 'unshare',
    lacks: `no cgroup, the host's root as it is, all capabilities, no seccomp filter, no link, no time limit; only the death of unshare itself is noticed`,
    prepare() {},
    command: (_place, argv) => [
      ...['unshare', '--fork', '--pid', '--kill-child', '--mount-proc', '--mount', '--uts', '--ipc', '--net'],
      ...['--cgroup', '--user', '--map-root-user', '--', ...argv],
    ],
  },
];

export const isInstalled = ({ program }) =>
  spawnSync('sh', ['-c', 'command -v "$0"', program], { stdio: 'ignore' }).status === 0;
