/**
 * 400 nexthops from id 100 on, every tenth a group of the ones before it, as lines of `ip -batch`. They want the links
 * that the routes have, test/route/route-world.ts.
 */
export function* manyNexthops(): Generator<string> {
  for (let i = 0; i < 400; i++) {
    const id = 100 + i;
    if (i % 10 === 9) {
      const members = [id - 9, id - 8, id - 6]
        .map((member, at) => `${member},${1 + at * 85 + (i % 80)}`)
        .join('/');
      const timers = `buckets ${8 * (1 + (i % 5))} idle_timer ${i} unbalanced_timer ${2 * i}`;
      yield `nexthop add id ${id} group ${members}${i % 20 === 9 ? '' : ` type resilient ${timers}`} proto ${i % 256}`;
    } else if (i % 10 === 8) yield `nexthop add id ${id} blackhole proto bgp`;
    else if (i % 10 === 7)
      yield `nexthop add id ${id} encap seg6 mode inline segs 2001:db8::${i} via 2001:db8::2 dev veth0`;
    else if (i % 10 === 5)
      yield `nexthop add id ${id} via 2001:db8::${(1 + i).toString(16)} dev veth0 proto ${i % 256}`;
    else yield `nexthop add id ${id} via 10.0.${i % 2}.${2 + (i % 250)} dev veth${i % 2} proto ${i % 256}`;
  }
}
