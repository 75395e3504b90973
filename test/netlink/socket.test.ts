import { expect, test } from 'vitest';
import { NetlinkSocket } from '../../src/netlink/socket.ts';
import { Netns } from '../../src/netns/index.ts';

const ifinfo = (family = 0, index = 0) => {
  const b = new Uint8Array(16);
  b[0] = family;
  new DataView(b.buffer).setInt32(4, index, true);
  return b;
};
test('smoke', async () => {
  const ns = await Netns.create();
  const s = await NetlinkSocket.open({ protocol: 0, netns: ns });
  const m = await s.request({ type: 18, payload: ifinfo(0, 1) });
  expect(m.length).toBe(1);
  const all = await s.dumpAll({ type: 18, payload: ifinfo() });
  console.log(all.length, s);
  const it: number[] = [];
  for await (const x of s.dump({ type: 18, payload: ifinfo() })) it.push(x.type);
  console.log(it);
  const t = performance.now();
  for (let i = 0; i < 10000; i++) await s.request({ type: 18, payload: ifinfo(0, 1) });
  console.log((performance.now() - t) / 10, 'us');
  await expect(s.request({ type: 18, payload: ifinfo(0, 99) })).rejects.toThrow('x');
  s.close();
  await s.closed;
  ns.close();
});
