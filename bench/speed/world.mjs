/** The namespace that the workloads run in, each in a fresh one: a veth pair, and the routes or links that it wants. */
import { execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { output } from './build.mjs';

const run = (command, ...args) => execFileSync(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });

/** Once: the mount namespace is ours, names of network namespaces made here are seen nowhere else. */
export function prepareMounts() {
  run('mount', '-t', 'tmpfs', 'tmpfs', '/run');
  run('mkdir', '/run/netns');
}

/** What `ip -batch` reads to write and delete the same routes as the others. */
export function writeBatches(count) {
  for (const [verb, word] of Object.entries({ add: 'route add', del: 'route del' })) {
    const line = (i) => `${word} 10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255} dev v0\n`;
    writeFileSync(
      join(output, `ip-${verb}.batch`),
      Array.from({ length: count }, (_, i) => line(i)).join(''),
    );
  }
}

/** Puts the command in the namespace: `ip netns exec` mounts a new /sys besides, so nsenter it is. */
export const inNetns = (name, argv) => ['nsenter', `--net=/run/netns/${name}`, ...argv];

export function makeNetns(name, { routes = 0, links = 0 }) {
  run('ip', 'netns', 'add', name);
  const inside = (...argv) => {
    const [command, ...args] = inNetns(name, argv);
    return run(command, ...args);
  };
  inside('ip', 'link', 'set', 'lo', 'up');
  inside('ip', 'link', 'add', 'v0', 'type', 'veth', 'peer', 'name', 'v1');
  inside('ip', 'link', 'set', 'v0', 'up');
  inside('ip', 'link', 'set', 'v1', 'up');
  if (links > 2) {
    const batch = join(output, 'links.batch');
    const pairs = Math.ceil((links - 2) / 2);
    const line = (i) => `link add a${i} type veth peer name b${i}\n`;
    writeFileSync(batch, Array.from({ length: pairs }, (_, i) => line(i)).join(''));
    inside('ip', '-batch', batch);
  }
  if (routes > 0) addRoutes(name, routes);
}

export function addRoutes(name, count) {
  const [command, ...args] = inNetns(name, [join(output, 'floor'), 'write', 'add', String(count), '512']);
  run(command, ...args);
}

export function dropRoutes(name) {
  const [command, ...args] = inNetns(name, ['ip', 'route', 'flush', 'table', 'main']);
  run(command, ...args);
}

export function dropNetns(name) {
  run('ip', 'netns', 'del', name);
}

/** Others who hold RTNL: links by the hundred come, and go with their namespace, again and again. Returns how to end it. */
export function makeNoise() {
  const batch = join(output, 'noise.batch');
  const line = (i) => `link add n${i} type veth peer name m${i}\n`;
  writeFileSync(batch, Array.from({ length: 200 }, (_, i) => line(i)).join(''));
  const script = `while :; do ip netns add noise; ip -n noise -batch ${batch}; ip netns del noise; done`;
  // A group of its own, so that its children end with it.
  const child = spawn('sh', ['-c', script], { stdio: 'ignore', detached: true });
  return async () => {
    const ended = new Promise((resolve) => child.once('exit', resolve));
    process.kill(-child.pid, 'SIGKILL');
    await ended;
    try {
      execFileSync('ip', ['netns', 'del', 'noise'], { stdio: 'ignore' });
    } catch {
      // It was between two.
    }
  };
}
