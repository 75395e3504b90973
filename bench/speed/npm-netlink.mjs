// Peer: the npm package netlink, installed beside the bench's other builds. Commands as in ours.mjs; prints JSON.
import { createRequire } from 'node:module';

const [packages, command, ...words] = process.argv.slice(2);
const { createRtNetlink } = createRequire(`${packages}/package.json`)('netlink');
const patience = { timeout: 600_000 };
const socket = createRtNetlink({ ref: true });
const seconds = () => performance.now() / 1000;
const tell = (facts) => console.log(JSON.stringify(facts));
const links = await socket.getLinks(undefined, undefined, patience);
const { index } = links.find(({ attrs }) => attrs.ifname === 'v0').data;
const median = (values) => values.sort((a, b) => a - b)[values.length >> 1];

if (command === 'dump' || command === 'links') {
  const took = [];
  let all = [];
  for (let i = 0; i < Number(words[0]); i++) {
    const start = seconds();
    all =
      command === 'dump'
        ? await socket.getRoutes({ family: 2 }, undefined, patience)
        : await socket.getLinks(undefined, undefined, patience);
    took.push(seconds() - start);
  }
  tell({ seconds: median(took), count: all.length });
} else if (command === 'write') {
  const [verb, count] = words;
  const route = { family: 2, dstLen: 32, table: 254 };
  const start = seconds();
  for (let i = 0; i < Number(count); i++) {
    const dst = Buffer.alloc(4);
    dst.writeUInt32BE(0x0a000000 + i);
    if (verb === 'add') {
      const more = { ...route, protocol: 3, scope: 253, type: 1 };
      await socket.newRoute(more, { dst, oif: index }, { flags: 0x600, ...patience });
    } else await socket.delRoute({ ...route, scope: 255 }, { dst, oif: index }, patience);
  }
  tell({ seconds: seconds() - start });
} else if (command === 'get') {
  const took = [];
  const start = seconds();
  for (let i = 0; i < Number(words[0]); i++) {
    const begun = seconds();
    await socket.getLink({ index }, {}, patience);
    took.push((seconds() - begun) * 1e6);
  }
  const total = seconds() - start;
  took.sort((a, b) => a - b);
  tell({ seconds: total, p50: took[took.length >> 1], p99: took[Math.floor(took.length * 0.99)] });
}
process.exit(0);
