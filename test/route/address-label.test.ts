import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type AddressLabel, decodeAddressLabel } from '../../src/route/address-label.ts';
import { World } from '../support/diff.ts';

interface Shown {
  address: string;
  prefixlen: number;
  ifname?: string;
  label: number;
}

describe('rt.addressLabel', () => {
  let world: World;
  beforeAll(async () => {
    world = await World.open();
    world.batch([
      'link add veth0 type veth peer name veth1',
      'addrlabel add prefix 2001:db8::/32 label 99',
      'addrlabel add prefix 2001:db8:1::/48 dev veth0 label 4294967294',
    ]);
  });
  afterAll(async () => world[Symbol.asyncDispose]());

  const shown = () =>
    (JSON.parse(world.ip('-j', 'addrlabel', 'list')) as Shown[]).map(
      ({ address, prefixlen, ifname, label }): AddressLabel => ({
        prefix: `${address}/${prefixlen}`,
        label,
        ...(ifname !== undefined && { dev: ifname }),
      }),
    );
  const plain = ({ ifindex: _, ...label }: AddressLabel): AddressLabel => label;

  it('lists what ip lists; deletes and adds it as it is', async () => {
    const { addressLabel } = world.rt;
    const before = shown();
    const listed = await addressLabel.list();
    expect(listed.map(plain)).toEqual(before);
    expect(listed.length).toBeGreaterThan(8);
    for (const label of listed) await addressLabel.del(label);
    expect(shown()).toEqual([]);
    for (const label of listed.toReversed()) await addressLabel.add(label);
    expect(
      shown()
        .map((one) => JSON.stringify(one))
        .sort(),
    ).toEqual(before.map((one) => JSON.stringify(one)).sort());
    expect((await addressLabel.list({ dev: 'veth0' })).map(plain)).toEqual([
      { prefix: '2001:db8:1::/48', dev: 'veth0', label: 4294967294 },
    ]);
    expect(await addressLabel.list({ label: 99 })).toEqual([{ prefix: '2001:db8::/32', label: 99 }]);
  });

  it('replaces, and tells which label holds', async () => {
    const { addressLabel } = world.rt;
    const label = { prefix: '2001:db8:2::/48', label: 7 };
    await addressLabel.add(label);
    await expect(addressLabel.add({ ...label, label: 8 })).rejects.toMatchObject({ code: 'EEXIST' });
    await addressLabel.replace({ ...label, label: 8 });
    expect(await addressLabel.get({ address: '2001:db8:2::1' })).toEqual({
      prefix: '2001:db8:2::/48',
      label: 8,
    });
    expect(await addressLabel.get({ address: '2001:db8:1::1', dev: 'veth0' })).toMatchObject({
      label: 4294967294,
    });
    await addressLabel.del({ prefix: label.prefix });
    await expect(addressLabel.del(label)).rejects.toMatchObject({ code: 'ESRCH' });
  });

  it.each<[unknown, string]>([
    [{ prefix: '10.0.0.0/8', label: 1 }, 'prefix'],
    [{ label: 1 }, 'prefix'],
    [{ prefix: '2001:db8::/129', label: 1 }, 'prefix'],
    [{ prefix: '2001:db8::/32' }, 'label'],
    [{ prefix: '2001:db8::/32', label: 4294967295 }, 'label'],
    [{ prefix: '2001:db8::/32', label: '1' }, 'label'],
    [{ prefix: '2001:db8::/32', label: 1, address: '::' }, 'address'],
  ])('refuses %o by name', async (label, field) => {
    await expect(world.rt.addressLabel.add(label as AddressLabel)).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field,
    });
  });

  it('keeps what it does not know, and fails on no bytes', () => {
    const header = '0a0020000000000005000000';
    expect(decodeAddressLabel(Buffer.from(`${header}0800020063000000050001000a000000`, 'hex'))).toEqual({
      prefix: '::/32',
      label: 99,
      raw: [{ type: 1, hex: '0a' }],
    });
    expect(() => decodeAddressLabel(Buffer.from('0a00', 'hex'))).toThrow('ifaddrlblmsg');
  });
});
