import { release } from 'node:os';
import { describe, expect, it } from 'vitest';
import type { FamilyPolicy } from '../../src/generic/controller.ts';
import { controller } from '../../src/generic/controller.ts';
import { ethtoolFamily } from '../../src/generic/ethtool/wire.ts';
import type { FamilyDefinition } from '../../src/generic/message.ts';
import { GenericSocket } from '../../src/generic/socket.ts';
import type { AttributeSpec, NamingTable } from '../../src/netlink/wire/attributes.ts';
import { u64 } from '../../src/netlink/wire/codec.ts';

/** The tables know what Linux 6.18 knows: a newer one may know more. */
const [major = 0, minor = 0] = release().split('.').map(Number);
const newer = major > 6 || (major === 6 && minor > 18);

/** What the kernel calls the layouts that a codec may stand for. */
function layouts(spec: AttributeSpec<unknown>): string[] {
  if (spec.table !== undefined || spec.nested) return ['nested', 'nested-array'];
  if (spec.codec.size === 0) return ['flag'];
  const sizes: Record<number, string[]> = {
    1: ['u8'],
    2: ['u16'],
    4: ['u32', 'bitfield32'],
    8: ['u64', 's64'],
  };
  if (spec.codec.size !== undefined) return sizes[spec.codec.size] ?? ['binary'];
  return ['string', 'nul-string', 'binary'];
}

/** Differences between a table and the policy that the kernel holds its attributes against. */
function differences(table: NamingTable, live: FamilyPolicy, index: number, path: string): string[] {
  const policy = live.policies.find((one) => one.index === index);
  if (policy === undefined) return [`${path}: the kernel has no policy ${index}`];
  const found: string[] = [];
  for (const { number, type, policy: inner } of policy.attributes) {
    if (type === undefined || type === 'invalid') continue;
    const field = table.byType.get(number);
    const spec = field === undefined ? undefined : table.specs[field];
    if (spec === undefined) {
      if (!newer)
        found.push(`${path}: the kernel knows attribute ${number}, a ${type}, that the table lacks`);
      continue;
    }
    if (!layouts(spec).includes(type)) found.push(`${path}.${spec.name}: a ${type} for the kernel`);
    if (inner !== undefined && spec.table !== undefined)
      found.push(...differences(spec.table, live, inner, `${path}.${spec.name}`));
  }
  return found;
}

async function compare(gs: GenericSocket, family: FamilyDefinition): Promise<string[]> {
  const live = await gs.policy(family.name);
  const found: string[] = [];
  let compared = 0;
  for (const command of Object.values(family.commands)) {
    const operation = live.operations.find(({ id }) => id === command.id);
    const index = operation?.do ?? operation?.dump;
    if (index === undefined) continue;
    compared++;
    found.push(...differences(command.request, live, index, command.name));
  }
  if (compared === 0) found.push(`${family.name}: nothing to compare`);
  return found;
}

describe('tables of generic netlink and the policies of this kernel', () => {
  it('agree for ethtool', async () => {
    await using gs = await GenericSocket.open();
    expect(await compare(gs, ethtoolFamily)).toEqual([]);
  });

  it('agree for the controller', async () => {
    await using gs = await GenericSocket.open();
    expect(await compare(gs, controller)).toEqual([]);
  });

  it('differ where a table is wrong', async () => {
    await using gs = await GenericSocket.open();
    const { setRings } = ethtoolFamily.commands;
    const { rx, ...others } = setRings.request.specs;
    const wrong: NamingTable = { ...setRings.request, specs: { ...others, rx: { ...rx, codec: u64 } } };
    const byType = new Map([...setRings.request.byType].filter(([, field]) => field !== 'tx'));
    const commands = {
      wrong: { ...setRings, request: wrong },
      short: { ...setRings, request: { ...setRings.request, byType } },
    };
    expect(await compare(gs, { ...ethtoolFamily, commands })).toEqual([
      'ETHTOOL_MSG_RINGS_SET.ETHTOOL_A_RINGS_RX: a u32 for the kernel',
      'ETHTOOL_MSG_RINGS_SET: the kernel knows attribute 9, a u32, that the table lacks',
    ]);
  });
});
