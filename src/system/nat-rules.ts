/** The rules that give a system the host's address on its way out, and ports of the host on the way in. */
import { parsePrefix } from '../netlink/wire/address.ts';
import type { NftChange } from '../nftables/changes.ts';
import type { NftExpression } from '../nftables/expressions.ts';
import type { NftHook } from '../nftables/objects.ts';
import {
  forwardTo,
  masquerade,
  matchAddress,
  matchDestinationPort,
  matchFamily,
  matchForwarded,
  matchLink,
  matchLocalDestination,
} from '../nftables/statements.ts';
import type { ForwardSpec, VethSpec } from './config/spec.ts';

/** `dstnat` and `srcnat` of man 8 nft. */
const DESTINATIONS = -100;
const SOURCES = 100;

const LOOPBACK = '127.0.0.0/8';
const FAMILY = 'inet';

export interface NatRules {
  readonly table: string;
  readonly network: VethSpec;
  /** Whether the bridge may carry packets from and to 127.0.0.0/8 (its route_localnet). */
  readonly localnet: boolean;
}

/** An address of the system without its prefix. */
interface Inside {
  readonly family: 'inet' | 'inet6';
  readonly address: string;
}

function insides({ address }: VethSpec): Inside[] {
  return address.flatMap((text) => {
    const prefix = parsePrefix(text);
    return prefix === undefined ? [] : [{ family: prefix.family, address: prefix.address }];
  });
}

/** Chains and rules; the table itself is the caller's. */
export function natRules({ table, network, localnet }: NatRules): NftChange[] {
  const changes: NftChange[] = [];
  const chain = (hook: NftHook, priority: number, rules: readonly NftExpression[][]): void => {
    if (rules.length === 0) return;
    const where = { family: FAMILY, table } as const;
    changes.push({ add: { chain: { ...where, name: hook, type: 'nat', hook, priority, policy: 'accept' } } });
    for (const expressions of rules) changes.push({ add: { rule: { ...where, chain: hook, expressions } } });
  };
  const { nat, forwards, bridge } = network;
  const all = insides(network);
  const forwarded = forwards.flatMap((forward) =>
    targets(forward, all).map((inside) => ({ forward, inside })),
  );
  chain(
    'prerouting',
    DESTINATIONS,
    forwarded.map(({ forward, inside }) => towards(forward, inside)),
  );
  chain(
    'output',
    DESTINATIONS,
    forwarded.map(({ forward, inside }) => [
      // Without route_localnet the kernel would refuse to connect at all, where now the port is merely closed.
      ...(inside.family === 'inet' && !localnet ? matchAddress('destination', LOOPBACK, 'neq') : []),
      ...towards(forward, inside),
    ]),
  );
  const reached = all.filter((inside) => forwarded.some((one) => one.inside === inside));
  chain('postrouting', SOURCES, [
    ...(nat ? all.map((inside) => outwards(inside, bridge)) : []),
    ...reached.map((inside) => backwards(inside, bridge)),
    ...(localnet ? reached.filter(({ family }) => family === 'inet').map(fromLoopback) : []),
  ]);
  return changes;
}

/** The first address of each family that the forward is about. */
function targets({ hostAddress }: ForwardSpec, all: readonly Inside[]): Inside[] {
  const family = hostAddress === undefined ? undefined : parsePrefix(hostAddress)?.family;
  return (['inet', 'inet6'] as const)
    .filter((one) => family === undefined || one === family)
    .flatMap((one) => all.find((inside) => inside.family === one) ?? []);
}

function towards(
  { protocol, hostAddress, hostPort, port }: ForwardSpec,
  { family, address }: Inside,
): NftExpression[] {
  return [
    ...(hostAddress === undefined
      ? [...matchFamily(family), ...matchLocalDestination()]
      : matchAddress('destination', hostAddress)),
    ...matchDestinationPort(protocol, hostPort),
    ...forwardTo(address, port),
  ];
}

function outwards({ address }: Inside, bridge: string): NftExpression[] {
  return [...matchAddress('source', address), ...matchLink('oifname', bridge, 'neq'), ...masquerade()];
}

/** Who is on the same bridge would be answered directly, by an address that he never asked. */
function backwards({ address }: Inside, bridge: string): NftExpression[] {
  return [
    ...matchAddress('destination', address),
    ...matchLink('iifname', bridge),
    ...matchForwarded(),
    ...masquerade(),
  ];
}

function fromLoopback({ address }: Inside): NftExpression[] {
  return [
    ...matchAddress('source', LOOPBACK),
    ...matchAddress('destination', address),
    ...matchForwarded(),
    ...masquerade(),
  ];
}
