/** network: a system on a bridge of the guest, and an internet beyond. */
import { readlinkSync } from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { Netns } from '../../../src/netns/index.ts';
import type { NetworkConfig } from '../../../src/system/config/config.ts';
import { lookUntil } from '../../support/look.ts';
import { askTcp, askUdp, HOST, INTERNET, NetworkWorld, PORT, SERVER } from '../../system/network-world.ts';
import { type Chapter, create, lines } from './felt.ts';

let world: NetworkWorld;

function setup(): void {
  beforeAll(async () => {
    world = await NetworkWorld.open(await Netns.current());
    await world.serve(world.internet);
  });
  afterAll(() => world[Symbol.asyncDispose]());
}

const GATEWAY = { gateway: [HOST.bridge, HOST.bridge6] };
const network = (more: Partial<NetworkConfig> = {}) => ({
  network: { bridge: 'br0', address: ['10.77.0.2/24', 'fd77::2/64'], ...more },
});
/** Whom a server of the internet has seen: nobody, if it does not answer for so many seconds. */
const ask = (seconds: number) =>
  `timeout -s KILL ${seconds} bash -c "exec cat < /dev/tcp/${INTERNET.inet}/${PORT}" 2> /dev/null || echo nobody`;

/** What `ip` says inside. */
const ip = (words: string, more?: Partial<NetworkConfig>): Promise<string[]> =>
  lines(`ip ${words}`, network(more));

export const networks: Chapter = {
  setup,
  fields: {
    network: async () => {
      // The bonding driver, if it is loaded, has a file among the links of every namespace.
      const script = 'ls /sys/class/net | grep -v bonding_masters; readlink /proc/self/ns/net';
      const home = readlinkSync('/proc/self/ns/net');
      const [link, namespace] = await lines(script, { network: 'none' });
      expect(link).toBe('lo');
      expect(namespace).not.toBe(home);
      expect((await lines(script, { network: 'host' })).at(-1)).toBe(home);
    },

    'network.bridge': async () => {
      await using box = await create(network());
      // That of the system before goes with its namespace, which takes its time.
      const ports = await lookUntil(
        () => world.rt.link.list({ master: 'br0' }),
        (list) => list.length === 1,
      );
      expect(ports.map(({ ifname }) => ifname)).toEqual([expect.stringMatching(/^cd/)]);
      // Somebody is there.
      await expect(askTcp(world.host, '10.77.0.2', PORT)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
      await box.stop({ gracePeriod: 0 });
      await expect(create(network({ bridge: 'br9' }))).rejects.toMatchObject({ field: 'network.bridge' });
    },

    'network.address': async () => {
      // Its carrier comes up by itself.
      const up = 'until ip -br link show dev eth0 | grep -q " UP "; do sleep 0.1; done';
      const said = await lines(`${up}; ip -br address show dev eth0 scope global`, network());
      expect(said.join().split(/\s+/).slice(1, 4)).toEqual(['UP', '10.77.0.2/24', 'fd77::2/64']);
    },

    'network.gateway': async () => {
      expect((await ip('route show default')).join()).toBe('');
      expect((await ip('route show default', GATEWAY)).join()).toContain(
        `default via ${HOST.bridge} dev eth0`,
      );
      expect((await ip('-6 route show default', GATEWAY)).join()).toContain(
        `default via ${HOST.bridge6} dev eth0`,
      );
    },

    'network.routes': async () => {
      const routes = ['10.99.0.0/16 via 10.77.0.9', { dst: '10.98.0.0/16' }];
      const said = (await ip('route show', { routes })).join('\n');
      expect(said).toContain('10.99.0.0/16 via 10.77.0.9 dev eth0');
      expect(said).toMatch(/^10\.98\.0\.0\/16 dev eth0/m);
    },

    'network.nat': async () => {
      expect(await lines(ask(40), network({ ...GATEWAY, nat: true }))).toEqual([HOST.inet]);
      // The answer finds no way back.
      expect(await lines(ask(3), network(GATEWAY))).toEqual(['nobody']);
    },

    'network.forwards': async () => {
      const forwards = [`8080:${PORT}/tcp`, { host_port: 8053, port: PORT, protocol: 'udp' as const }];
      await using box = await create(network({ ...GATEWAY, forwards }));
      const server = await box.start(['node', '--eval', SERVER], { stdio: ['ignore', 'pipe', 'inherit'] });
      await new Promise((resolve) => server.stdout?.once('data', resolve));
      expect(await askTcp(world.internet, HOST.inet, 8080)).toBe(INTERNET.inet);
      expect(await askUdp(world.internet, HOST.inet, 8053)).toBe(INTERNET.inet);
      await expect(askTcp(world.internet, HOST.inet, 8081)).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    },

    'network.mtu': async () => {
      const mtu = 'cat /sys/class/net/eth0/mtu';
      expect(await lines(mtu, network({ mtu: 1400 }))).toEqual(['1400']);
      expect(await lines(mtu, network())).toEqual(['1500']);
    },
  },
};
