/** Statistics of controllers that this host has no use of, as kernels write their files. */
import { expect, it } from 'vitest';
import { readStat } from '../../src/cgroup/stat.ts';

const stat = (files: Readonly<Record<string, string>>) =>
  readStat((file) => Promise.resolve((files as Partial<Record<string, string>>)[file]));

it('misc: by resource, named as in misc.max', async () => {
  const { misc } = await stat({
    'misc.current': 'sev 2\nsev_es 0\n',
    'misc.peak': 'sev 3\nsev_es 0\n',
    'misc.events': 'sev.max 4\nsev_es.max 1\n',
  });
  expect(misc).toEqual({
    sev: { current: 2n, peak: 3n, events: { max: 4n } },
    sev_es: { current: 0n, peak: 0n, events: { max: 1n } },
  });
});

it('misc of a kernel before Linux 5.16: what is used, and nothing else', async () => {
  const { misc } = await stat({ 'misc.current': 'sev 18446744073709551615\n' });
  expect(misc).toEqual({ sev: { current: 18_446_744_073_709_551_615n, events: {} } });
});

it('a kernel that counts nothing there, and one that has no such controller', async () => {
  expect(await stat({ 'misc.current': '' })).toMatchObject({ misc: {} });
  expect(await stat({})).toEqual({
    populated: true,
    frozen: false,
    nrDescendants: 0,
    nrDyingDescendants: 0,
    pressure: {},
  });
});

it('rdma: by device', async () => {
  expect(await stat({ 'rdma.current': 'mlx5_0 hca_handle=2 hca_object=2000\n' })).toMatchObject({
    rdma: { mlx5_0: { hcaHandle: 2n, hcaObject: 2000n } },
  });
});
