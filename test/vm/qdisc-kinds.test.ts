import { execFileSync } from 'node:child_process';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/options.ts';
import { showContext } from '../../src/cli/session.ts';
import { classView } from '../../src/cli/show/tc/class.ts';
import { qdiscView } from '../../src/cli/show/tc/qdisc.ts';
import { compareText, describe as inWords, World } from '../support/diff.ts';
import { type Needs, needs } from '../support/needs.ts';

/** Disciplines that need a module, and their classes: made by tc, shown by both, and there and back by us. */

interface Case {
  readonly qdisc: string;
  readonly classes?: readonly string[];
  readonly needs?: Needs;
}

/** Times of the codels are what their clock of 1.024 us can tell: of others one microsecond is lost each time. */
const CASES: readonly Case[] = [
  {
    qdisc:
      'netem limit 777 delay 10ms 2ms 25% loss 1% 5% duplicate 1% corrupt 0.1% reorder 25% 50% gap 5 rate 1mbit',
  },
  { qdisc: 'netem delay 100ms 20ms distribution normal' },
  { qdisc: 'netem loss state 1% 5% 30% 10% 2% ecn' },
  { qdisc: 'netem loss gemodel 1% 10% 70% 0.1%' },
  { qdisc: 'netem slot 800us 1ms packets 7 bytes 9000 rate 5mbit 20 100 5' },
  { qdisc: 'sfq perturb 10 limit 64 divisor 512 quantum 3000 depth 50' },
  { qdisc: 'sfq headdrop limit 100 redflowlimit 100000 min 8000 max 60000 probability 0.2 ecn' },
  {
    qdisc:
      'red limit 400000 min 30000 max 90000 avpkt 1000 burst 55 probability 0.02 bandwidth 10mbit ecn adaptive',
  },
  { qdisc: 'choke limit 1000 min 100 max 300 bandwidth 10mbit burst 150 ecn' },
  { qdisc: 'codel limit 100 target 4096us interval 30720us ecn ce_threshold 1024us' },
  {
    qdisc:
      'fq_codel limit 1000 flows 256 target 3072us interval 40960us quantum 500 noecn memory_limit 4mb drop_batch 32',
  },
  {
    qdisc:
      'fq limit 2000 flow_limit 50 quantum 3000 initial_quantum 9000 maxrate 10mbit buckets 256 orphan_mask 511 refill_delay 30ms low_rate_threshold 300kbit ce_threshold 5ms timer_slack 20us horizon 5s horizon_cap',
  },
  {
    qdisc:
      'cake bandwidth 10mbit diffserv4 triple-isolate nat wash ingress ack-filter rtt 50ms overhead 18 mpu 64 atm memlimit 1mb fwmark 0xf split-gso',
  },
  { qdisc: 'cake unlimited besteffort flowblind no-split-gso raw' },
  { qdisc: 'prio bands 4 priomap 1 2 2 2 1 2 0 0 1 1 1 1 1 1 1 1' },
  { qdisc: 'multiq' },
  {
    qdisc: 'hfsc default 7',
    classes: [
      'classid 7:1 hfsc sc rate 10mbit ul rate 20mbit',
      'parent 7:1 classid 7:7 hfsc rt m1 3mbit d 10ms m2 1mbit ls m1 5mbit d 20ms m2 2mbit',
    ],
  },
  { qdisc: 'drr', classes: ['classid 7:1 drr quantum 777', 'classid 7:2 drr'] },
  { qdisc: 'qfq', classes: ['classid 7:1 qfq weight 7 maxpkt 900', 'classid 7:2 qfq'] },
  {
    qdisc:
      'sfb limit 100 max 25 target 20 increment 0.001 decrement 0.0001 penalty_rate 20 penalty_burst 30 db 60 rehash 600',
  },
  {
    qdisc:
      'hhf limit 500 quantum 1000 hh_limit 300 reset_timeout 30ms admit_bytes 100000 evict_timeout 2s non_hh_weight 3',
  },
  { qdisc: 'pie limit 100 target 20ms tupdate 15ms alpha 3 beta 21 ecn bytemode' },
  {
    qdisc:
      'fq_pie limit 1000 flows 64 target 16ms alpha 3 beta 21 quantum 600 memory_limit 3mb ecn_prob 7 ecn',
  },
  { qdisc: 'ets bands 5 strict 2 quanta 3000 2000 1000 priomap 0 1 2 3 4' },
  { qdisc: 'skbprio limit 33' },
  { qdisc: 'cbs idleslope 98688 sendslope -901312 hicredit 153 locredit -1389 offload 0' },
  { qdisc: 'etf clockid CLOCK_TAI delta 500000 deadline_mode skip_sock_check' },
  { qdisc: 'mqprio num_tc 3 map 2 2 1 0 2 2 2 2 2 2 2 2 2 2 2 2 queues 1@0 1@1 2@2 hw 0' },
];

describe('disciplines, there and back', () => {
  let world: World;
  const tc = (...args: string[]) =>
    execFileSync('tc', ['-n', world.name, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  beforeAll(async () => {
    world = await World.open();
    // No packets but ours: a queue would show what is in it.
    world.sysctl(['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1']);
    world.batch(['link add eth0 numtxqueues 4 numrxqueues 4 type dummy', 'link set eth0 up']);
  });
  afterAll(() => world[Symbol.asyncDispose]());
  afterEach(() => world.rt.qdisc.del({ dev: 'eth0', parent: 'root' }).catch(() => {}));

  /** What tc shows, and that we show the same. Only what is of interest: programs are slow to start in a guest. */
  async function seen(...objects: ('qdisc' | 'class')[]): Promise<string> {
    let all = '';
    for (const object of objects) {
      const theirs = tc('-d', object, 'show', 'dev', 'eth0');
      const { options } = parseCommandLine(['tc', '-d'], { environment: {}, terminal: false });
      const view = object === 'qdisc' ? qdiscView : classView;
      const { text } = await view.run(['dev', 'eth0'], showContext(world.rt, options));
      expect(inWords(compareText(theirs, text).differences)).toBe('');
      all += theirs;
    }
    return all;
  }

  for (const { qdisc, classes = [], needs: wanted = {} } of CASES)
    it(qdisc, async (context) => {
      needs(context, wanted);
      const { rt } = world;
      tc('qdisc', 'add', 'dev', 'eth0', 'root', 'handle', '7:', ...qdisc.split(' '));
      for (const line of classes)
        tc(
          'class',
          'add',
          'dev',
          'eth0',
          ...(line.startsWith('parent') ? [] : ['parent', '7:']),
          ...line.split(' '),
        );
      const look = () => (classes.length > 0 ? seen('qdisc', 'class') : seen('qdisc'));
      const before = await look();
      const listed = (await rt.qdisc.list({ dev: 'eth0' })).find(({ handle }) => handle === '7:');
      if (listed === undefined) throw new Error('the discipline is not listed');
      const inner = classes.length === 0 ? [] : await rt.class.list({ dev: 'eth0' });
      await rt.qdisc.del(listed);
      expect((await rt.qdisc.list({ dev: 'eth0' })).map(({ handle }) => handle)).not.toContain('7:');
      await rt.qdisc.add(listed);
      // Parents before children; the root of hfsc, 7:, is there already.
      for (const one of inner.sort((a, b) => (a.classid < b.classid ? -1 : 1)))
        if (one.classid !== '7:') await rt.class.add(one);
      expect(await look()).toBe(before);
    });
});
