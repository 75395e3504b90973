// The namespace that the cases work in: a veth pair, addresses, routes, a named namespace, nothing of the host's.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';

const ip = (words) => execFileSync('ip', words.split(' '), { stdio: ['ignore', 'ignore', 'inherit'] });

/**
 * Makes it. By `ip`, so that what is measured did not build what it is measured on. Also called in children that are
 * inside the namespaces already, where all of it exists.
 */
export function prepareWorld() {
  const world = {
    link: 'eth0',
    peer: 'eth1',
    address: '10.0.0.1',
    gateway: '10.0.0.254',
    netns: 'blue',
    links: 20,
  };
  if (process.env.COFFERDAM_BENCH_WORLD !== undefined) return world;
  process.env.COFFERDAM_BENCH_WORLD = '1';
  // The mount namespace is ours: names of network namespaces made here are seen nowhere else.
  execFileSync('mount', ['-t', 'tmpfs', 'tmpfs', '/run']);
  mkdirSync('/run/netns');
  ip('link set lo up');
  ip(`link add ${world.link} type veth peer name ${world.peer}`);
  ip(`address add ${world.address}/24 dev ${world.link}`);
  ip(`link set ${world.link} up`);
  ip(`link set ${world.peer} up`);
  ip(`neighbour add ${world.gateway} lladdr 02:00:00:00:00:fe dev ${world.link} nud permanent`);
  ip(`nexthop add id 7 via ${world.gateway} dev ${world.link}`);
  for (let index = 0; index < world.links; index++) {
    ip(`route add 10.1.${index}.0/24 via ${world.gateway} dev ${world.link}`);
    ip(`rule add pref ${1000 + index} from 10.1.${index}.0/24 lookup ${100 + index}`);
  }
  ip(`netns add ${world.netns}`);
  return world;
}
