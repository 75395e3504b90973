import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { formatJson } from '../../src/cli/show/json.ts';
import { linkDesk, linkSheet } from '../../src/cli/show/link-print.ts';
import type { LinkNames } from '../../src/cli/show/view.ts';
import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { WireView } from '../../src/netlink/wire/view.ts';
import { KINDS, PORT_KINDS } from '../../src/route/kinds/index.ts';
import { linkType } from '../../src/route/link.ts';
import { compareJson, compareText, describe as inWords, parseIpJson, World } from '../support/diff.ts';
import { ipShows } from '../support/ip-answers.ts';
import {
  attributesFor,
  bytes,
  hexes,
  KIND_LAYOUTS,
  mac,
  message,
  nestOf,
  PORT_LAYOUTS,
} from '../support/link-messages.ts';
import { SEED } from '../support/random.ts';

/**
 * Links of every kind, with attributes at random, shown by `ip` and by us: neither asks a kernel, both read the same
 * messages. What this kernel has for itself is compared in diff-link.test.ts.
 */

/** Every run tries others; a failure tells which. */

const NETKIT_KEYS = ['mode', 'type', 'policy', 'peer_policy', 'scrub', 'peer_scrub', 'headroom', 'tailroom'];

/** IFLA_VF_*: most begin with the function's number. -1 is what a driver does not know. */
const ofFunction = (value: fc.Arbitrary<Uint8Array>) =>
  value.map((rest) => Buffer.concat([Uint8Array.of(3, 0, 0, 0), rest]));
const setting = hexes('00000000', '01000000', 'ffffffff');
const address = mac.map((value) => Buffer.concat([value, new Uint8Array(26)]));
const always = <T extends Uint8Array>(type: number, value: fc.Arbitrary<T>) =>
  value.map((one): readonly [number, Uint8Array] => [type, Uint8Array.from(one)]);
const maybe = <T extends Uint8Array>(type: number, value: fc.Arbitrary<T>) =>
  fc.option(always(type, value), { nil: undefined });
const tag = ofFunction(
  fc
    .tuple(bytes(4), bytes(4), hexes('8100', '88a8', '0000'))
    .map((all) => Buffer.concat([...all, new Uint8Array(2)])),
);
const VF_ATTRIBUTES = fc
  .tuple(
    always(1, ofFunction(address)),
    always(2, ofFunction(bytes(8))),
    always(3, ofFunction(bytes(4))),
    maybe(4, ofFunction(setting)),
    maybe(5, ofFunction(hexes('00000000', '01000000', '02000000', '07000000'))),
    maybe(6, ofFunction(bytes(8))),
    maybe(7, ofFunction(setting)),
    maybe(
      8,
      nestOf(
        fc.tuple(...[0, 1, 2, 3, 4, 5, 7, 8].map((type) => bytes(8).map((value) => [type, value] as const))),
      ),
    ),
    maybe(9, ofFunction(setting)),
    maybe(10, ofFunction(bytes(12))),
    maybe(11, ofFunction(bytes(12))),
    maybe(
      12,
      nestOf(
        fc.array(
          tag.map((one) => [1, Uint8Array.from(one)] as const),
          { minLength: 1, maxLength: 2 },
        ),
      ),
    ),
    maybe(13, address),
  )
  .map((all) => all.filter((one) => one !== undefined));

function countOf(list: Uint8Array): number {
  let count = 0;
  walkAttributes(new WireView(list), 0, list.length, () => void count++);
  return count;
}

describe('links of kinds that this kernel may not have, shown by ip and by us', () => {
  let world: World;
  let fields = 0;
  let links = 0;

  beforeAll(async () => {
    world = await World.open();
  });
  afterAll(async () => {
    console.log(`link kinds: ${links} objects, ${fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  async function ours(payloads: readonly Uint8Array[], flags: readonly string[]): Promise<string> {
    const all = payloads.map((payload) => linkType.decode(payload));
    const names: LinkNames = {
      nameOf: (index) =>
        all.find(({ ifindex }) => ifindex === index)?.ifname ?? (index === 0 ? '*' : `if${index}`),
      indexOf: () => undefined,
      flagsOf: () => undefined,
    };
    const context = { ...world.context(flags), linkNames: async () => names };
    const desk = await linkDesk(context, all, { asLink: true, family: 'link' });
    const sheets = all.map((link) => linkSheet(link, desk));
    return flags.includes('-j')
      ? formatJson(sheets.map(({ json }) => json))
      : sheets.map(({ text }) => text).join('');
  }

  async function compare(
    payloads: readonly Uint8Array[],
    extra: readonly string[] = [],
    flags: readonly string[] = [],
  ): Promise<void> {
    const json = compareJson(
      parseIpJson(ipShows(world.name, ['-d', '-j', ...flags], payloads)),
      parseIpJson(await ours(payloads, ['-d', '-j', ...flags])),
      { extra },
    );
    expect(json.objects).toBe(payloads.length);
    expect(inWords(json.differences), `seed ${SEED}`).toBe('');
    links += json.objects;
    fields += json.fields;
    if (extra.length > 0) return;
    const text = compareText(
      ipShows(world.name, ['-d', ...flags], payloads),
      await ours(payloads, ['-d', ...flags]),
    );
    expect(inWords(text.differences), `seed ${SEED}`).toBe('');
  }

  const sample = <T>(arbitrary: fc.Arbitrary<T>, count: number) =>
    fc.sample(arbitrary, { numRuns: count, seed: SEED });

  for (const [kind, layout] of Object.entries(KIND_LAYOUTS).filter(([name]) => name !== 'netkit'))
    it(kind, async () => {
      const table = KINDS[kind as keyof typeof KINDS].table;
      const payloads = sample(attributesFor(table, layout), 60).map((data, i) =>
        message({ ifindex: i + 1, type: 'ether', kind, data }),
      );
      // Of a gtp without data `ip` 6.1 does not survive.
      const bare = kind === 'gtp' ? [] : [message({ ifindex: 100, type: 'ether', kind })];
      await compare([...payloads, ...bare]);
    });

  for (const [field, layout] of Object.entries(PORT_LAYOUTS))
    it(field, async () => {
      const { table, kind: portKind } = PORT_KINDS[field as keyof typeof PORT_KINDS];
      await compare(
        sample(attributesFor(table, layout), 60).map((portData, i) =>
          message({ ifindex: i + 1, type: 'ether', portKind, portData }),
        ),
      );
    });

  it('netkit, which ip 6.1 does not know', async () => {
    const { table } = KINDS.netkit;
    const payloads = sample(attributesFor(table, {}), 20).map((data, i) =>
      message({ ifindex: i + 1, type: 'ether', kind: 'netkit', data }),
    );
    const extra = ['info_data', ...NETKIT_KEYS.map((key) => `info_data.${key}`)];
    await compare(
      payloads,
      extra.map((key) => `linkinfo.${key}`),
    );
  });

  it('what CAN controllers count', async () => {
    const payloads = sample(fc.uint8Array({ minLength: 24, maxLength: 24 }), 20).map((xstats, i) =>
      message({ ifindex: i + 1, type: 'can', kind: 'can', data: new Uint8Array(), xstats }),
    );
    for (const flags of [['-s'], []]) await compare(payloads, [], flags);
  });

  it('virtual functions', async () => {
    const functions = nestOf(
      fc.array(
        nestOf(VF_ATTRIBUTES).map((vf) => [1, vf] as const),
        { minLength: 1, maxLength: 4 },
      ),
    );
    const payloads = sample(fc.tuple(functions, fc.constantFrom('ether', 'infiniband')), 80).map(
      ([list, type], i) =>
        message({
          ifindex: i + 1,
          type,
          extra: [
            [21, Uint8Array.of(countOf(list), 0, 0, 0)],
            [22, list],
          ],
        }),
    );
    for (const flags of [['-s'], ['-s', '-h'], []]) await compare(payloads, [], flags);
  });

  it('what any link may tell', async () => {
    const ids = fc.uint8Array({ minLength: 1, maxLength: 32 });
    const names = fc.constantFrom('p0', 'pci', '0000:01:00.0').map((name) => Buffer.from(`${name}\0`));
    const numbers = [4, 27, 30, 31, 32, 40, 41, 50, 51, 58, 59, 60, 61];
    const attributes = fc.tuple(
      ...numbers.map((type) => bytes(4).map((value) => [type, value] as const)),
      ...[34, 36].map((type) => ids.map((value) => [type, value] as const)),
      ...[38, 56, 57].map((type) => names.map((value) => [type, Uint8Array.from(value)] as const)),
      fc.constantFrom(...[0, 1, 2, 3, 4, 5, 6].map((state) => [16, Uint8Array.of(state)] as const)),
      mac.map((value) => [1, value] as const),
      mac.map((value) => [2, value] as const),
      mac.map((value) => [54, value] as const),
    );
    const payloads = sample(attributes, 100).map((given, i) =>
      message({
        ifindex: i + 1,
        type: 'ether',
        extra: given,
      }),
    );
    await compare(payloads);
  });
});
