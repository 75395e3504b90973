// Speaks to a family of generic netlink that cofferdam does not know, by describing it: TASKSTATS, which accounts for
// what processes used (linux/taskstats.h). As root:
//
//     node examples/own-family.mjs
import { defineFamily, GenericSocket, wire } from 'cofferdam';

const { attribute, attributeTable, nest, u32 } = wire;

// Attributes by number, kernel name and codec. The field names are yours.
const request = attributeTable('TASKSTATS_CMD_ATTR', {
  pid: attribute(1, 'TASKSTATS_CMD_ATTR_PID', u32),
});

// The beginning of struct taskstats: what newer kernels appended, and what is not named here, stays in `tail`.
const stats = wire.struct('taskstats', {
  version: wire.u16,
  padding: wire.reserved(2),
  exitCode: u32,
  flag: wire.u8,
  nice: wire.u8,
  padding2: wire.reserved(6),
  cpuCount: wire.u64,
  cpuDelay: wire.u64,
});

const answer = attributeTable('TASKSTATS_TYPE', {
  aggregate: nest(
    4,
    'TASKSTATS_TYPE_AGGR_PID',
    attributeTable('TASKSTATS_TYPE', {
      pid: attribute(1, 'TASKSTATS_TYPE_PID', u32),
      stats: attribute(3, 'TASKSTATS_TYPE_STATS', stats),
    }),
  ),
});

const taskstats = defineFamily({
  name: 'TASKSTATS',
  version: 1,
  commands: { get: { id: 1, name: 'TASKSTATS_CMD_GET', request, reply: answer } },
});

const gs = await GenericSocket.open();
try {
  const [reply] = await gs.request(taskstats, 'get', { pid: process.pid });
  const { pid, stats: used } = reply?.aggregate ?? {};
  console.log(`process ${pid}: waited ${used?.cpuCount} times for a CPU, ${used?.cpuDelay} ns altogether`);
} finally {
  gs.close();
}
