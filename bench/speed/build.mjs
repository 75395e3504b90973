/** Compiles the floor and the peers. A peer whose library is missing is told with its reason, and left out. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const here = import.meta.dirname;
export const output = join(here, '../../.cache/speed');

function run(command, args, options = {}) {
  execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: 600_000, ...options });
}

const compile = (name, ...libraries) =>
  run('gcc', ['-O2', '-o', join(output, name), join(here, `${name}.c`), ...libraries]);

/** Debian's Rust packages are sources in one directory, in place of a registry. */
const DEBIAN_CRATES = `[source.crates-io]
replace-with = "debian"
[source.debian]
directory = "/usr/share/cargo/registry"
`;

const peers = {
  libs: {
    packages: 'libmnl-dev libnl-route-3-dev pkg-config',
    build() {
      const flags = execFileSync('pkg-config', ['--cflags', '--libs', 'libnl-route-3.0'], {
        encoding: 'utf8',
      });
      compile('libs', '-lmnl', ...flags.trim().split(/\s+/));
    },
  },
  go: {
    packages: 'golang-go golang-github-vishvananda-netlink-dev',
    build() {
      const env = {
        ...process.env,
        GO111MODULE: 'off',
        GOPATH: '/usr/share/gocode',
        GOCACHE: join(output, 'gocache'),
      };
      run('go', ['build', '-o', join(output, 'peer-go'), join(here, 'peer.go')], { env });
    },
  },
  rust: {
    packages: 'cargo librust-rtnetlink-dev librust-tokio-dev librust-futures-dev',
    build() {
      const config = join(output, 'cargo.toml');
      writeFileSync(config, DEBIAN_CRATES);
      const target = join(output, 'rust');
      const manifest = ['--manifest-path', join(here, 'rust/Cargo.toml'), '--target-dir', target];
      run('cargo', ['build', '--release', '--offline', '--config', config, ...manifest]);
    },
  },
  python: {
    packages: 'python3-pyroute2',
    build: () => run('/usr/bin/python3', ['-c', 'import pyroute2']),
  },
  npm: {
    packages: 'netlink@0.3.0 from npm',
    build() {
      const directory = join(output, 'npm');
      if (existsSync(join(directory, 'node_modules/netlink'))) return;
      mkdirSync(directory, { recursive: true });
      writeFileSync(join(directory, 'package.json'), '{ "private": true }\n');
      run('npm', ['install', '--no-save', '--no-audit', '--no-fund', 'netlink@0.3.0'], { cwd: directory });
    },
  },
};

/** Returns the names of the peers that can run; throws if the floor cannot. */
export function build(tell) {
  mkdirSync(output, { recursive: true });
  for (const name of ['floor', 'launch']) compile(name);
  const ready = new Set();
  for (const [name, { packages, build: make }] of Object.entries(peers)) {
    try {
      make();
      ready.add(name);
    } catch (error) {
      const reason = String(error.stderr ?? error.message)
        .trim()
        .split('\n')
        .at(-1);
      tell(`left out: ${name} (needs ${packages}): ${reason}`);
    }
  }
  return ready;
}
