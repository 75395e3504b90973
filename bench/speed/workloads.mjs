/** What is compared with what. The first row of a workload is the floor that the ratios refer to. */
import { join } from 'node:path';
import { output } from './build.mjs';

const here = import.meta.dirname;
const at = (name) => join(output, name);
const ours = (...words) => [process.execPath, '--expose-gc', join(here, 'ours.mjs'), ...words];
const floor = (...words) => [at('floor'), ...words];
const go = (...words) => [at('peer-go'), ...words];
const rust = (...words) => [at('rust/release/peer'), ...words];
const python = (...words) => ['/usr/bin/python3', join(here, 'peer.py'), ...words];
const npm = (...words) => [process.execPath, join(here, 'npm-netlink.mjs'), at('npm'), ...words];
const oneCpu = (argv) => ['taskset', '-c', '0', ...argv];

/**
 * A row: `name`, `argv`, and what it needs (`peer`). `goal` is times the first row; `slow` rows run once, on a share of
 * the work, and are scaled. `memory` is a goal in MiB.
 */
export function workloads(size) {
  const { routes, few, links, writes, gets, opens, spaces } = size;
  const part = (count, share) => String(Math.max(1, Math.round(count * share)));
  return [
    {
      name: 'dump',
      title: `dump ${routes.toLocaleString('en')} routes`,
      routes,
      rows: [
        {
          name: 'floor: C, nothing parsed',
          argv: floor('dump', 'route', '1', 'check'),
          check: true,
          timed: floor('dump', 'route', '1'),
        },
        { name: 'cofferdam: objects', argv: ours('dump', '1'), goal: 1.3, memory: 250 },
        { name: 'cofferdam: columnar table', argv: ours('table', '1'), goal: 1.1, memory: 90 },
        { name: 'cofferdam: batches', argv: ours('batches', '1'), goal: 1.25, memory: 70 },
        { name: 'libmnl, to structs', peer: 'libs', argv: [at('libs'), 'mnl-dump'] },
        { name: 'rust rtnetlink', peer: 'rust', argv: rust('dump', '1') },
        { name: 'ip route (text)', argv: ['ip', 'route', 'show'], wall: true },
        { name: 'npm netlink', peer: 'npm', argv: npm('dump', '1'), slow: true },
        { name: 'vishvananda/netlink', peer: 'go', argv: go('dump'), slow: true },
        { name: 'libnl', peer: 'libs', argv: [at('libs'), 'nl-dump', 'route'], slow: true, most: 100_000 },
        { name: 'pyroute2', peer: 'python', argv: python('dump', '1'), slow: true, most: 100_000 },
      ],
    },
    {
      name: 'dump-one-cpu',
      title: `dump ${routes.toLocaleString('en')} routes, on one CPU`,
      routes,
      rows: [
        { name: 'floor: C, nothing parsed', argv: oneCpu(floor('dump', 'route', '1')) },
        { name: 'cofferdam: objects', argv: oneCpu(ours('dump', '1')), goal: 1.7 },
        { name: 'cofferdam: columnar table', argv: oneCpu(ours('table', '1')) },
        { name: 'rust rtnetlink', peer: 'rust', argv: oneCpu(rust('dump', '1')) },
      ],
    },
    {
      name: 'dump-warm',
      title: `dump ${few.toLocaleString('en')} routes, warm`,
      routes: few,
      rows: [
        { name: 'floor: C, nothing parsed', argv: floor('dump', 'route', '51') },
        { name: 'cofferdam: objects', argv: ours('dump', '201'), goal: 1.35 },
        { name: 'rust rtnetlink', peer: 'rust', argv: rust('dump', '51') },
        { name: 'ip route (text)', argv: ['ip', 'route', 'show'], wall: true },
        { name: 'npm netlink', peer: 'npm', argv: npm('dump', '21') },
        { name: 'vishvananda/netlink', peer: 'go', argv: go('dump') },
        { name: 'pyroute2', peer: 'python', argv: python('dump', '3'), slow: true },
      ],
    },
    {
      name: 'links',
      title: `dump ${links.toLocaleString('en')} links with all of ip -d, warm`,
      links,
      rows: [
        { name: 'floor: C, nothing parsed', argv: floor('dump', 'link', '51') },
        { name: 'cofferdam', argv: ours('links', '101'), goal: 1.3 },
        { name: 'rust rtnetlink', peer: 'rust', argv: rust('links', '21') },
        { name: 'libnl', peer: 'libs', argv: [at('libs'), 'nl-dump', 'link'] },
        { name: 'vishvananda/netlink', peer: 'go', argv: go('links', '21') },
        { name: 'ip -d link (text)', argv: ['ip', '-d', 'link', 'show'], wall: true },
        { name: 'npm netlink', peer: 'npm', argv: npm('links', '11') },
        { name: 'pyroute2', peer: 'python', argv: python('links', '3'), slow: true },
      ],
    },
    ...['add', 'del'].map((verb) => ({
      name: verb,
      title: `${verb === 'add' ? 'add' : 'delete'} ${writes.toLocaleString('en')} routes, a result for each`,
      routes: verb === 'add' ? 0 : writes,
      renewed: true,
      rows: [
        { name: 'floor: C, windows of 512', argv: floor('write', verb, String(writes), '512') },
        { name: 'cofferdam: batch', argv: ours('write', verb, String(writes)), goal: 1.1 },
        {
          name: 'libmnl, windows of 128',
          peer: 'libs',
          argv: [at('libs'), 'mnl-write', verb, String(writes), '128'],
        },
        { name: 'vishvananda/netlink', peer: 'go', argv: go('write', verb, String(writes)) },
        { name: 'rust rtnetlink', peer: 'rust', argv: rust('write', verb, String(writes)) },
        { name: 'ip -batch', argv: ['ip', '-batch', at(`ip-${verb}.batch`)], wall: true },
        { name: 'npm netlink', peer: 'npm', argv: npm('write', verb, part(writes, 0.2)), share: 0.2 },
        { name: 'pyroute2', peer: 'python', argv: python('write', verb, part(writes, 0.05)), share: 0.05 },
      ],
    })),
    {
      name: 'get',
      title: `one link by index, ${gets.toLocaleString('en')} in sequence, decoded`,
      routes: 0,
      rows: [
        { name: 'floor: C, nothing parsed', argv: floor('get', String(gets)) },
        { name: 'cofferdam', argv: ours('get', String(gets)), goal: 1.25 },
        { name: 'rust rtnetlink', peer: 'rust', argv: rust('get', String(gets)) },
        { name: 'vishvananda/netlink', peer: 'go', argv: go('get', String(gets)) },
        { name: 'npm netlink', peer: 'npm', argv: npm('get', part(gets, 0.25)), share: 0.25 },
        { name: 'pyroute2', peer: 'python', argv: python('get', part(gets, 0.1)), share: 0.1 },
      ],
    },
    {
      name: 'open',
      title: `open and close a socket, ${opens.toLocaleString('en')} times`,
      routes: 0,
      rows: [
        { name: 'vishvananda/netlink', peer: 'go', argv: go('open', String(opens)) },
        { name: 'floor: C', argv: floor('open', String(opens)) },
        { name: 'cofferdam', argv: ours('open', String(opens)), goal: 1.3 },
        { name: 'pyroute2', peer: 'python', argv: python('open', part(opens, 0.1)), share: 0.1 },
      ],
    },
    {
      name: 'netns',
      title: `create a netns, ask in it, delete it, ${spaces.toLocaleString('en')} times`,
      routes: 0,
      rows: [
        { name: 'vishvananda/netlink', peer: 'go', argv: go('netns', String(spaces)) },
        { name: 'cofferdam', argv: ours('netns', String(spaces)), goal: 1.05 },
        { name: 'pyroute2', peer: 'python', argv: python('netns', part(spaces, 0.2)), share: 0.2 },
      ],
    },
    {
      name: 'monitor',
      title: `monitor ${writes.toLocaleString('en')} route events`,
      routes: 0,
      monitor: floor('write', 'add', String(writes), '512'),
      rows: [
        { name: 'C, 128 MiB of buffer', argv: floor('monitor', String(128 << 20)) },
        { name: 'cofferdam', argv: ours('monitor'), lost: 0, goal: 1.4 },
        { name: 'C, default buffer', argv: floor('monitor', '0') },
        { name: 'ip monitor', argv: ['ip', 'monitor', 'route'], lines: true },
        { name: 'vishvananda/netlink', peer: 'go', argv: go('monitor') },
        { name: 'pyroute2', peer: 'python', argv: python('monitor') },
      ],
    },
    {
      name: 'contention',
      title: `1,000 gets and ${part(writes, 0.2)} routes added while others hold RTNL`,
      routes: 0,
      contention: true,
      rows: [
        { name: 'cofferdam: gets', argv: ours('get', '1000') },
        { name: 'cofferdam: batch', argv: ours('write', 'add', part(writes, 0.2)) },
      ],
    },
  ];
}
