import { afterEach, describe, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { NetlinkError } from '../../src/netlink/error.ts';
import type { NftChange } from '../../src/nftables/changes.ts';
import type { NftChain, NftRule, NftTable } from '../../src/nftables/objects.ts';
import { NftablesSocket } from '../../src/nftables/socket.ts';
import {
  forwardTo,
  masquerade,
  matchAddress,
  matchDestinationPort,
  matchFamily,
  matchForwarded,
  matchLink,
  matchLocalDestination,
} from '../../src/nftables/statements.ts';
import { lookUntil } from '../support/look.ts';
import { needs } from '../support/needs.ts';
import { load, needsNft, openNft, ruleset } from './support.ts';

afterEach(() => expect(handles.list()).toEqual([]));

const where = { family: 'inet', table: 'mine' } as const;
const table: NftChange = {
  add: { table: { family: 'inet', name: 'mine', userdata: { comment: 'of a test' } } },
};
const chain = (hook: 'prerouting' | 'postrouting', priority: number): NftChange => ({
  add: { chain: { ...where, name: hook, type: 'nat', hook, priority, policy: 'accept' } },
});
const rule = (name: string, ...parts: readonly NftRule['expressions'][]): NftChange => ({
  add: { rule: { ...where, chain: name, expressions: parts.flat() } },
});

const RULES: readonly NftChange[] = [
  rule('postrouting', matchAddress('source', '10.1.0.2'), matchLink('oifname', 'br0', 'neq'), masquerade()),
  rule('postrouting', matchAddress('source', '10.1.16.0/20'), [{ counter: {} }], masquerade()),
  rule('postrouting', matchAddress('source', 'fd00::/57'), matchForwarded(), masquerade()),
  rule(
    'prerouting',
    matchFamily('inet'),
    matchLocalDestination(),
    matchDestinationPort('tcp', 8080),
    forwardTo('10.1.0.2', 80),
  ),
  rule(
    'prerouting',
    matchAddress('destination', '192.0.2.1', 'neq'),
    matchLink('iifname', 'eth0'),
    matchDestinationPort('udp', 53),
    forwardTo('10.1.0.2', 5353),
  ),
  rule('prerouting', matchFamily('inet6'), matchDestinationPort('tcp', 443), forwardTo('fd00::2', 8443)),
];
const ALL = [table, chain('prerouting', -100), chain('postrouting', 100), ...RULES];

/** Without what the kernel gives and counts. */
function lasting<T extends NftTable | NftChain | NftRule>(object: T) {
  const { handle: _, position: __, use: ___, ...rest } = object as T & { position?: bigint; use?: number };
  return rest;
}

describe('NftablesSocket', () => {
  it('makes tables, chains and rules as nft would say them', async (context) => {
    needsNft(context);
    await using world = await openNft();
    await world.nft.apply(ALL);
    expect(await ruleset(world.netns)).toBe(`table inet mine {
	comment "of a test"
	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		meta nfproto ipv4 fib daddr type local tcp dport 8080 dnat ip to 10.1.0.2:80
		ip daddr != 192.0.2.1 iifname "eth0" udp dport 53 dnat ip to 10.1.0.2:5353
		meta nfproto ipv6 tcp dport 443 dnat ip6 to [fd00::2]:8443
	}

	chain postrouting {
		type nat hook postrouting priority srcnat; policy accept;
		ip saddr 10.1.0.2 oifname != "br0" masquerade
		ip saddr 10.1.16.0/20 counter packets 0 bytes 0 masquerade
		ip6 saddr fd00::/57 ct status dnat masquerade
	}
}
`);
  });

  it('lists what it made, and makes it again as it was listed', async () => {
    await using world = await openNft();
    const { nft } = world;
    await nft.apply(ALL);
    const listed = async () => ({
      tables: await nft.tables({ family: 'inet' }),
      chains: await nft.chains({ table: 'mine' }),
      rules: await nft.rules({ table: 'mine' }),
    });
    const { tables, chains, rules } = await listed();
    expect(tables).toMatchObject([
      {
        family: 'inet',
        name: 'mine',
        userdata: { comment: 'of a test' },
        use: 2,
        handle: expect.any(BigInt),
      },
    ]);
    expect(chains).toMatchObject([
      { name: 'prerouting', type: 'nat', hook: 'prerouting', priority: -100, policy: 'accept' },
      { name: 'postrouting', type: 'nat', hook: 'postrouting', priority: 100, policy: 'accept' },
    ]);
    expect(rules.map(({ chain }) => chain).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'postrouting'),
      ...Array.from({ length: 3 }, () => 'prerouting'),
    ]);
    expect((await nft.rules({ table: 'mine', chain: 'postrouting' })).length).toBe(3);
    // Nothing that the tables here do not name.
    expect(
      JSON.stringify([tables, chains, rules], (_, value) => (typeof value === 'bigint' ? 0 : value)),
    ).not.toContain('"raw"');
    await nft.apply(tables.map((table) => ({ del: { table } })));
    expect(await listed()).toEqual({ tables: [], chains: [], rules: [] });
    await nft.apply([
      ...tables.map((table) => ({ add: { table } })),
      ...chains.map((chain) => ({ add: { chain } })),
      ...rules.map((rule) => ({ add: { rule } })),
    ]);
    const again = await listed();
    expect(again.tables.map(lasting)).toEqual(tables.map(lasting));
    expect(again.chains.map(lasting)).toEqual(chains.map(lasting));
    expect(again.rules.map(lasting)).toEqual(rules.map(lasting));
  });

  it('reads what nft wrote, known or not, and deletes it as it was listed', async (context) => {
    needsNft(context);
    await using world = await openNft();
    const { nft, netns } = world;
    const text = `table ip theirs {
	chain filter {
		type filter hook forward priority filter - 5; policy drop;
		meta l4proto icmp limit rate 5/second accept comment "so many"
		ct state established,related accept
		tcp dport 22 jump other
	}

	chain other {
		return
	}
}
`;
    await load(netns, text);
    const rules = await nft.rules({ family: 'ip' });
    expect(rules.map(({ userdata }) => userdata?.comment)).toEqual([
      'so many',
      undefined,
      undefined,
      undefined,
    ]);
    expect(rules[0]?.expressions.map((one) => one.name ?? Object.keys(one)[0])).toEqual([
      ...['meta', 'cmp', 'limit', 'immediate'],
    ]);
    const verdicts = rules.map(({ expressions }) => expressions.at(-1)?.immediate?.data?.verdict);
    expect(verdicts).toEqual([
      { code: 'accept' },
      { code: 'accept' },
      { code: 'jump', chain: 'other' },
      { code: 'return' },
    ]);
    const chains = await nft.chains({ family: 'ip' });
    expect(chains).toMatchObject([{ hook: 'forward', priority: -5, policy: 'drop' }, { name: 'other' }]);
    expect(chains[1]).not.toHaveProperty('hook');
    await nft.apply(rules.map((rule) => ({ del: { rule } })));
    expect(await nft.rules()).toEqual([]);
    await nft.apply(rules.map((rule) => ({ add: { rule } })));
    expect((await ruleset(netns)).trim()).toBe(text.trim());
  });

  it('does all of a batch or nothing, and says which part was refused', async () => {
    await using world = await openNft();
    const { nft } = world;
    const error = await nft
      .apply([table, chain('postrouting', 100), rule('none', masquerade()), ...RULES])
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(NetlinkError);
    expect(error).toMatchObject({ code: 'ENOENT', syscall: 'NFT_MSG_NEWRULE' });
    expect((error as NetlinkError).extAck.attributePath).toBe('NFTA_RULE_CHAIN');
    expect(await nft.tables()).toEqual([]);
    // The socket goes on, whatever the kernel still had to say.
    await nft.apply(ALL);
    await expect(nft.apply([table])).rejects.toMatchObject({ code: 'EEXIST', syscall: 'NFT_MSG_NEWTABLE' });
    await expect(nft.apply([{ del: { table: { family: 'inet', name: 'none' } } }])).rejects.toMatchObject({
      code: 'ENOENT',
      syscall: 'NFT_MSG_DELTABLE',
    });
    await nft.apply([]);
  });

  it('names the attribute within an expression', async () => {
    await using world = await openNft();
    const wrong = [{ counter: {} }, { meta: { key: '4711', dreg: 1 } }];
    const error = await world.nft
      .apply([table, chain('postrouting', 100), rule('postrouting', wrong)])
      .catch((reason: unknown) => reason);
    // Which errno differs between kernels.
    expect(error).toMatchObject({
      syscall: 'NFT_MSG_NEWRULE',
      extAck: { attributePath: 'NFTA_RULE_EXPRESSIONS.NFTA_LIST_ELEM' },
    });
  });

  it('refuses what cannot be right before it asks', async () => {
    await using world = await openNft();
    const { nft } = world;
    const refused = (change: unknown) => nft.apply([change as NftChange]).catch((reason: unknown) => reason);
    expect(
      await refused({ add: { table: { family: 'inet', name: 'mine', flag: ['owner'] } } }),
    ).toMatchObject({
      field: 'changes[0].add.table.flag',
    });
    expect(await refused({ add: { table: { family: 'ipx', name: 'mine' } } })).toMatchObject({
      field: 'changes[0].add.table.family',
    });
    expect(await refused(rule('postrouting', [{ meta: {}, cmp: {} }]))).toMatchObject({
      field: 'changes[0].add.rule.expressions.0',
    });
    expect(await refused(rule('postrouting', [{ meta: { dreg: -1 } }]))).toMatchObject({
      field: 'changes[0].add.rule.expressions.0.meta.dreg',
    });
    expect(await refused({ add: {} })).toMatchObject({ field: 'changes[0]' });
    expect(await refused(null)).toMatchObject({ field: 'changes[0]' });
    const comment = 'x'.repeat(255);
    expect(
      await refused({ add: { table: { family: 'inet', name: 'mine', userdata: { comment } } } }),
    ).toMatchObject({ field: 'changes[0].add.table.userdata' });
    await expect(NftablesSocket.open({ nets: 'x' } as object)).rejects.toMatchObject({ field: 'nets' });
    await expect(nft.rules({ chains: 'x' } as object)).rejects.toMatchObject({ field: 'chains' });
  });
});

describe('a table with an owner', () => {
  const owned: NftChange = { add: { table: { family: 'inet', name: 'mine', flags: ['owner'] } } };

  it('is nobody else’s to change, and ends with its socket', async (context) => {
    needs(context, { linux: '5.12' });
    await using world = await openNft();
    const owner = await world.open();
    await owner.apply([owned, ...ALL.slice(1)]);
    expect(await world.nft.tables()).toMatchObject([
      { name: 'mine', flags: ['owner'], owner: owner.portId, use: 2 },
    ]);
    await expect(
      world.nft.apply([{ del: { table: { family: 'inet', name: 'mine' } } }]),
    ).rejects.toMatchObject({ code: 'EPERM' });
    owner.close();
    // A file is gone when the last system call on it has returned.
    expect(
      await lookUntil(
        () => world.nft.tables(),
        (tables) => tables.length === 0,
      ),
    ).toEqual([]);
    expect(await world.nft.chains()).toEqual([]);
  });

  it('is refused before Linux 5.12', async (context) => {
    needs(context, { before: '5.12' });
    await using world = await openNft();
    await expect(world.nft.apply([owned])).rejects.toMatchObject({
      code: 'EINVAL',
      syscall: 'NFT_MSG_NEWTABLE',
    });
  });

  it('keeps notes that say whose it is', async () => {
    await using world = await openNft();
    const userdata = { comment: 'ours', notes: [{ type: 205, hex: '0a0b0c' }] };
    await world.nft.apply([{ add: { table: { family: 'inet', name: 'mine', userdata } } }]);
    expect((await world.nft.tables())[0]?.userdata).toEqual(userdata);
  });
});
