import { execFileSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { expectEqualLines } from '../support/lines.ts';
import { Twin } from '../support/twin.ts';
import { isRoot, runCli } from './run-cli.ts';

const SETUP = ['link add v0 type veth peer name v1', 'link set lo up'];
const OPTIONS = { show: ['rule show', '-6 rule show'] };

const LINES = `
rule add from 10.0.0.0/8 table 100
rule add from 10.0.0.0/8 table 100
ru a from 10.1.0.0/16 lookup 101 pref 500
rule add to 10.2.0.0/16 table 101 priority 501
rule add from 10.3.0.0/16 to 10.4.0.0/16 table 101 order 502
rule add from all table 101 pref 503
rule add from any table main pref 504
rule add from default table default pref 505
rule add from 10.3.0.1 table 1000 pref 506
rule add from 10.3.0.1 table nonsense
rule add from 10.3.0.1/33 table 101
rule add from nonsense table 101
rule add not from 10.5.0.0/16 table 101 pref 507
rule add tos 0x10 table 101 pref 508
rule add dsfield 8 table 101 pref 509
rule add tos nonsense table 101
rule add fwmark 5 table 101 pref 510
rule add fwmark 0x10/0xff table 101 pref 511
rule add fwmark nonsense table 101
rule add fwmark 5/nonsense table 101
rule add iif v0 table 101 pref 512
rule add dev v1 table 101 pref 513
rule add oif v1 table 101 pref 514
rule add oif missing table 101 pref 515
rule add iif far-too-long-a-name table 101
rule add uidrange 1000-2000 table 101 pref 516
rule add uidrange 1000 table 101
rule add uidrange nonsense table 101
rule add ipproto tcp table 101 pref 517
rule add ipproto 17 sport 53 table 101 pref 518
rule add ipproto udp dport 1000-2000 table 101 pref 519
rule add ipproto udp sport 5-6 dport 7-8 table 101 pref 520
rule add ipproto nonsense table 101
rule add sport nonsense table 101
rule add tun_id 7 table 101 pref 521
rule add tun_id nonsense table 101
rule add table 101 suppress_prefixlength 0 pref 522
rule add table 101 sup_pl 8 pref 523
rule add table 101 suppress_prefixlength nonsense
rule add table 101 suppress_ifgroup 5 pref 524
rule add table 101 sup_group default pref 525
rule add table 101 suppress_ifgroup nonsense
rule add from 10.6.0.0/16 realms 3/4 table 101 pref 526
rule add from 10.6.0.0/16 realms 5 table 101 pref 527
rule add from 10.6.0.0/16 realms nonsense/ table 101
rule add from 10.7.0.0/16 protocol static table 101 pref 528
rule add from 10.7.0.0/16 proto 99 table 101 pref 529
rule add from 10.7.0.0/16 protocol nonsense table 101
rule add from 10.8.0.0/16 blackhole pref 530
rule add from 10.8.0.0/16 type unreachable pref 531
rule add from 10.8.0.0/16 prohibit pref 532
rule add from 10.8.0.0/16 nop pref 533
rule add from 10.8.0.0/16 goto 600 pref 534
rule add from 10.8.0.0/16 goto 503 pref 536
rule add from 10.8.0.0/16 goto nonsense
rule add from 10.8.0.0/16 goto 510 pref 499
rule add from 10.8.0.0/16 pref 600
rule add l3mdev pref 537
rule add from 10.8.0.0/16 nonsense
rule add from
rule add
rule add pref nonsense
rule add pref 538 unicast
rule add pref 539 from 10.9.0.0/16 table 0
-6 rule add from fd01::/64 table 100
-6 rule add from fd01::/64 table 100
-6 rule add to fd02::1 table 1000 pref 700
-6 rule add fwmark 7 table 100 pref 701
-6 rule add from 10.0.0.0/8 table 100
-4 rule add from fd01::/64 table 100
-6 rule add iif lo blackhole pref 702
-6 rule add l3mdev pref 703
-6 rule add from all goto 1000 pref 704
rule del from 10.0.0.0/8
rule del from 10.0.0.0/8
rule del pref 500
rule d pref 501 table 999
rule delete to 10.2.0.0/16
rule del pref 502 from 10.3.0.0/16
rule del pref 507
rule del not from 10.5.0.0/16
rule del fwmark 5
rule del fwmark 0x10/0xff
rule del iif v0
rule del oif nonsense
rule del uidrange 1000-2000
rule del ipproto tcp
rule del ipproto udp dport 1000-2000
rule del suppress_prefixlength 0 table 101
rule del blackhole
rule del goto 600
rule del nop pref 533
rule del l3mdev
rule del pref 99999
rule del
rule del nonsense
-6 rule del from fd01::/64 table 100
-6 rule del pref 700
-6 rule del pref 700
rule frobnicate
rule flush pref 503
rule flush from 10.6.0.0/16
rule flush proto static
rule flush table 1000
rule flush fwmark nonsense
rule flush nonsense
-6 rule flush
rule flush iif v1
rule flush
`;

describe.runIf(isRoot)('ip rule', () => {
  let twin: Twin;
  beforeAll(() => {
    twin = new Twin(SETUP);
  });
  afterAll(() => twin[Symbol.dispose]());

  test('changes, word for word', { timeout: 180_000 }, async () => {
    await expectEqualLines(twin, LINES, OPTIONS);
    expect(twin.lines).toBeGreaterThan(100);
    expect(twin.refused).toBeLessThan(twin.lines / 2);
  });

  test('a table and l3mdev exclude each other', async () => {
    const { code, stderr } = await twin.runOurs(['rule', 'add', 'l3mdev', 'table', '100']);
    expect({ code, stderr }).toEqual({ code: 2, stderr: 'table can not be specified for l3mdev rules\n' });
  });

  test('save and restore, each what the other wrote', { timeout: 240_000 }, async () => {
    const { ours, theirs } = twin;
    const lines = 'rule add from 10.20.0.0/16 table 5 pref 70\nrule add fwmark 6/7 goto 90 pref 80\n';
    for (const name of [ours, theirs]) execFileSync('ip', ['-n', name, '-batch', '-'], { input: lines });
    const saved = execFileSync('ip', ['-n', theirs, 'rule', 'save']);
    const own = await runCli(['-n', ours, 'rule', 'save'], { encoding: 'latin1' });
    expect(own.stdout.length).toBe(saved.length);
    await expectEqualLines(twin, 'rule flush', OPTIONS);
    execFileSync('ip', ['-n', theirs, 'rule', 'restore'], { input: Buffer.from(own.stdout, 'latin1') });
    expect(await runCli(['-n', ours, 'rule', 'restore'], { input: saved })).toMatchObject({
      code: 0,
      stderr: '',
    });
    await expectEqualLines(twin, 'rule del pref 70\nrule del pref 71', OPTIONS);
    expect(await runCli(['rule', 'save', 'nonsense'])).toMatchObject({ code: 1 });
  });
});
