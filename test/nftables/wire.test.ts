import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatIp } from '../../src/netlink/wire/address.ts';
import { WireError } from '../../src/netlink/wire/view.ts';
import { encodeBatch, type NftChange } from '../../src/nftables/changes.ts';
import type { NftExpression } from '../../src/nftables/expressions.ts';
import { chainKind, ruleKind, tableKind } from '../../src/nftables/objects.ts';
import * as nft from '../../src/nftables/statements.ts';

/** Messages at random: what they say can be said again, and nothing in them throws but what says so. */

const KINDS = { table: tableKind, chain: chainKind, rule: ruleKind } as const;

/** The payload of a change as it goes to the kernel. */
function payloadOf(change: NftChange): Uint8Array {
  return encodeBatch([change]).parts?.[0]?.payload ?? new Uint8Array(0);
}

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const address = fc.oneof(bytes(4), bytes(16)).map(formatIp);
const port = fc.integer({ min: 0, max: 0xffff });
const statement: fc.Arbitrary<NftExpression[]> = fc.oneof(
  fc
    .tuple(fc.constantFrom('source', 'destination'), address)
    .map(([end, text]) => nft.matchAddress(end, text)),
  fc
    .tuple(fc.constantFrom('tcp', 'udp'), port)
    .map(([protocol, number]) => nft.matchDestinationPort(protocol, number)),
  fc.tuple(address, port).map(([text, number]) => nft.forwardTo(text, number)),
  fc.constantFrom(
    nft.masquerade(),
    nft.matchForwarded(),
    nft.matchLocalDestination(),
    nft.matchFamily('inet6'),
  ),
  fc.constant(nft.matchLink('oifname', 'eth0', 'neq')),
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((packets) => [{ counter: { bytes: 0n, packets } }]),
  fc.constantFrom('jump', 'return').map((code) => [{ immediate: { dreg: 0, data: { verdict: { code } } } }]),
  bytes(6).map((data) => [{ name: 'quota', data: Buffer.from(data).toString('hex') }]),
);
const userdata = fc.record(
  {
    comment: fc.string({ maxLength: 20 }).filter((text) => !text.includes('\0')),
    notes: fc.array(
      fc.record({
        type: fc.integer({ min: 1, max: 255 }),
        hex: bytes(5).map((data) => Buffer.from(data).toString('hex')),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  },
  { requiredKeys: ['comment'] },
);

describe('objects on the wire', () => {
  it('rules: what was told can be said again', () => {
    fc.assert(
      fc.property(fc.array(statement, { maxLength: 6 }), userdata, (statements, data) => {
        const rule = {
          family: 'inet',
          table: 'a',
          chain: 'b',
          expressions: statements.flat(),
          userdata: data,
        } as const;
        expect(ruleKind.decode(payloadOf({ add: { rule } }))).toEqual(rule);
      }),
      { numRuns: 300 },
    );
  });

  it('chains: what was told can be said again', () => {
    const hook = fc.constantFrom('prerouting', 'input', 'forward', 'output', 'postrouting');
    const priority = fc.integer({ min: -0x80000000, max: 0x7fffffff });
    fc.assert(
      fc.property(hook, priority, fc.constantFrom('accept', 'drop'), (hook, priority, policy) => {
        const chain = { family: 'ip6', table: 'a', name: 'b', type: 'nat', hook, priority, policy } as const;
        expect(chainKind.decode(payloadOf({ add: { chain } }))).toEqual(chain);
      }),
    );
  });

  it.each(['table', 'chain', 'rule'] as const)('%s: bears any bytes: an object or a WireError', (noun) => {
    const whole = payloadOf({
      add: {
        table: {
          table: { family: 'inet', name: 'mine', flags: ['owner'], userdata: { comment: 'of a test' } },
        },
        chain: { chain: { family: 'inet', table: 'mine', name: 'a', hook: 'input', priority: 0 } },
        rule: {
          rule: { family: 'inet', table: 'mine', chain: 'a', expressions: nft.forwardTo('10.0.0.1', 80) },
        },
      }[noun],
    } as NftChange);
    const decode = (payload: Uint8Array) => {
      try {
        return typeof KINDS[noun].decode(payload);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        return 'object';
      }
    };
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 64 }),
        (tail) => decode(Uint8Array.of(1, 0, 0, 0, ...tail)) === 'object',
      ),
      { numRuns: 500 },
    );
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const changed = whole.slice();
        changed[at] = byte;
        return decode(changed.subarray(0, length)) === 'object';
      }),
      { numRuns: 1000 },
    );
  });
});

describe('matchAddress', () => {
  /** What the expressions would do to an address. */
  function matches(expressions: readonly NftExpression[], value: bigint): boolean {
    const number = (hex: string | undefined) => BigInt(`0x${hex ?? '0'}`);
    let register = value;
    for (const { bitwise, cmp, payload } of expressions.slice(2)) {
      if (bitwise !== undefined)
        register = (register & number(bitwise.mask?.value)) ^ number(bitwise.xor?.value);
      if (cmp !== undefined) return (register === number(cmp.data?.value)) === (cmp.op === 'eq');
      if (payload !== undefined) expect(payload.base).toBe('network');
    }
    return false;
  }

  it('is true of the addresses of the prefix and of no others', () => {
    const big = (data: Uint8Array) => BigInt(`0x${Buffer.from(data).toString('hex')}`);
    const prefix = fc
      .constantFrom(4, 16)
      .chain((size) => fc.tuple(bytes(size), bytes(size), fc.nat(8 * size), fc.nat(8 * size)));
    fc.assert(
      fc.property(prefix, ([network, other, length, common]) => {
        const bits = BigInt(8 * network.length);
        const rest = bits - BigInt(common);
        // As many bits alike as `common`, the others at random.
        const candidate = ((big(network) >> rest) << rest) | (big(other) & ((1n << rest) - 1n));
        const inside = candidate >> (bits - BigInt(length)) === big(network) >> (bits - BigInt(length));
        const text = `${formatIp(network)}/${length}`;
        expect(matches(nft.matchAddress('source', text), candidate)).toBe(inside);
        expect(matches(nft.matchAddress('source', text, 'neq'), candidate)).toBe(!inside);
      }),
      { numRuns: 500 },
    );
  });

  it('refuses what is no address', () => {
    expect(() => nft.matchAddress('source', '10.0.0.300')).toThrow('source: "10.0.0.300" is no address');
    expect(() => nft.forwardTo('nowhere', 80)).toThrow('address: "nowhere" is no address');
  });
});
