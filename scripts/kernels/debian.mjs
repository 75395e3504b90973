// Kernels of Debian, newest of each suite, by apt: from the mirrors that this host is set up with, through an apt state
// of our own, so that the host's sources stay as they are.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { CheckFailed, cache, need } from '../check/run.mjs';
import { prepareKernel, RECIPE } from './prepare.mjs';

/** What is fetched, and what is made of it: `.cache/kernels/6.1/{vmlinux,initramfs,modules.squashfs,kernel.json}`. */
export const store = join(cache, 'kernels');

/**
 * The kernels by the names that the command line has for them, oldest first. Those of a suite that is released come
 * from its security archive, which always has the newest; `newest` is whatever the backports have.
 */
export const KERNELS = [
  { name: '5.10', suite: 'bullseye-security', archive: 'debian-security' },
  { name: '6.1', suite: 'bookworm-security', archive: 'debian-security' },
  { name: '6.12', suite: 'trixie-security', archive: 'debian-security' },
  { name: 'newest', suite: 'trixie-backports', archive: 'debian' },
];

/** The one that `npm test` boots: Debian's stable. */
export const ONE = '6.12';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Thrown where a kernel cannot be had, and why: a reason to skip it. */
export class Unavailable extends Error {}

/**
 * What guests take on this host.
 *
 * @throws Unavailable
 */
export function needTools() {
  if (process.arch !== 'x64') throw new Unavailable(`the guests are x86-64, this host is ${process.arch}`);
  try {
    need('qemu-system-x86_64', 'mksquashfs', 'cpio', 'xz', 'zstd', 'setpriv', 'dpkg-deb', 'apt-get');
  } catch (error) {
    if (error instanceof CheckFailed) throw new Unavailable(error.message);
    throw error;
  }
}

/**
 * What the store has of a kernel: `{ name, package, version, release, recipe }`, and its directory. Undefined where it has
 * none, or one that was made by another recipe.
 */
export function stored(name) {
  const directory = join(store, name);
  const manifest = join(directory, 'kernel.json');
  if (!existsSync(manifest)) return undefined;
  const kernel = JSON.parse(readFileSync(manifest, 'utf8'));
  return kernel.recipe === RECIPE ? { directory, ...kernel } : undefined;
}

/**
 * Brings the newest kernel of that name into the store, unless it is there already.
 *
 * @throws Unavailable
 */
export async function fetchKernel({ name, suite, archive }) {
  const apt = aptState(name, suite, archive);
  const image = apt.depends('linux-image-amd64').find((one) => one.startsWith('linux-image-'));
  if (image === undefined) throw new Unavailable(`${suite} has no linux-image-amd64`);
  const version = apt.version(image);
  const before = stored(name);
  if (before?.version === version) return before;
  // From 7.x on the image is an empty package that depends on its parts.
  const parts = apt.depends(image).filter((one) => /^linux-(base|binary|modules)-\d/.test(one));
  const scratch = join(store, `.${name}-${process.pid}`);
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true });
  try {
    const debs = apt.download(parts.length > 0 ? parts : [image], scratch);
    const release = await prepareKernel(debs, busybox(), scratch);
    writeFileSync(
      join(scratch, 'kernel.json'),
      `${JSON.stringify({ name, package: image, version, release, recipe: RECIPE })}\n`,
    );
    rmSync(join(store, name), { recursive: true, force: true });
    renameSync(scratch, join(store, name));
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return stored(name);
}

/** A static busybox: the tools of the initramfs, and the small ones of the guest. From this host's own suite. */
export function busybox() {
  const program = join(store, 'busybox');
  if (existsSync(program)) return program;
  const scratch = join(store, `.busybox-${process.pid}`);
  mkdirSync(scratch, { recursive: true });
  try {
    const [deb] = download(['busybox-static'], scratch);
    execFileSync('dpkg-deb', ['-x', deb, scratch]);
    const found = ['bin/busybox', 'usr/bin/busybox'].map((path) => join(scratch, path)).find(existsSync);
    if (found === undefined) throw new Unavailable('busybox-static has no busybox');
    renameSync(found, program);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return program;
}

function run(program, args, { cwd, env } = {}) {
  const { status, error, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    timeout: 300_000,
    killSignal: 'SIGKILL',
    maxBuffer: 1 << 28,
  });
  if (error !== undefined) throw new Unavailable(`${program}: ${error.message}`);
  if (status !== 0) {
    const said = stderr.trim().split('\n').at(-1) ?? '';
    throw new Unavailable(`${program} ${args.at(-1)}: ${said || `exit code ${status}`}`);
  }
  return stdout;
}

/** `apt-get download`, into a directory; the paths of the files. */
function download(packages, directory, env) {
  // Not as the user _apt, who may not write there.
  run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', ...packages], { cwd: directory, env });
  return readdirSync(directory)
    .filter((file) => file.endsWith('.deb'))
    .map((file) => join(directory, file));
}

/** Where this host gets `archive` from; Debian's own mirrors where it gets it from nowhere. */
function mirror(archive) {
  const uris = run('apt-get', ['indextargets', '--format', '$(REPO_URI)']).split('\n');
  return uris.find((uri) => uri.endsWith(`/${archive}/`)) ?? `http://deb.debian.org/${archive}/`;
}

/** An apt that knows one suite and nothing else, not even what is installed. */
function aptState(name, suite, archive) {
  const directory = join(store, 'apt', name);
  mkdirSync(join(directory, 'lists/partial'), { recursive: true });
  mkdirSync(join(directory, 'archives/partial'), { recursive: true });
  const sources = join(directory, 'sources.list');
  writeFileSync(sources, `deb [arch=amd64 signed-by=${KEYRING}] ${mirror(archive)} ${suite} main\n`);
  const settings = {
    'Dir::Etc::sourcelist': sources,
    'Dir::Etc::sourceparts': '-',
    'Dir::State': directory,
    'Dir::State::lists': join(directory, 'lists'),
    'Dir::State::status': '/dev/null',
    'Dir::Cache': directory,
    'Acquire::Languages': 'none',
    // The archive of a suite past its support is not signed anew.
    'Acquire::Check-Valid-Until': 'false',
    'APT::Architecture': 'amd64',
    'APT::Sandbox::User': 'root',
  };
  const config = join(directory, 'apt.conf');
  writeFileSync(
    config,
    Object.entries(settings)
      .map(([key, value]) => `${key} "${value}";\n`)
      .join(''),
  );
  const env = { APT_CONFIG: config };
  run('apt-get', ['-q', '-o', 'APT::Update::Error-Mode=any', 'update'], { env });
  const field = (name, key) =>
    new RegExp(`^${key}: (.*)$`, 'm').exec(
      run('apt-cache', ['show', '--no-all-versions', name], { env }),
    )?.[1] ?? '';
  return {
    version: (name) => field(name, 'Version'),
    depends: (name) =>
      field(name, 'Depends')
        .split(/[,|]/)
        .map((one) => one.trim().split(' ')[0]),
    download: (packages, into) => download(packages, into, env),
  };
}
