import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { Netns } from '../../src/netns/index.ts';
import { type Driven, drive } from './drive.ts';

let netns: Netns;
let driven: Driven;

beforeEach(async () => {
  netns = await Netns.create();
});
afterEach(async () => {
  await driven.end();
  await netns[Symbol.asyncDispose]();
  handles.recordStacks = false;
});

describe('a console that only reads', () => {
  beforeEach(async () => {
    driven = await drive({ open: { netns } });
  });

  test('opens rt when it is first asked, and not before', async () => {
    const before = handles.counters.opened;
    expect(await driven.type('rt')).toBe('RouteSocket <opens when first asked, only reads>');
    expect(handles.counters.opened).toBe(before);
    await driven.type('(await rt.link.get("lo")).ifname');
    expect(handles.counters.opened).toBe(before + 1);
    await driven.type('await rt.link.list()');
    expect(handles.counters.opened).toBe(before + 1);
    expect(await driven.type('rt')).toMatch(/^RouteSocket <open, fd \d+, only reads>$/);
  });

  test('looks at processes, and sends them nothing', async () => {
    expect(await driven.type(`const self = await Pidfd.open(${process.pid}); self`)).toMatch(
      new RegExp(`^Pidfd <pidfd, open, fd \\d+, pid ${process.pid}>$`),
    );
    expect(await driven.type('self.alive')).toBe('true');
    expect(await driven.type('self.send("SIGTERM")')).toContain('pidfd.send() changes the system');
    expect(await driven.type('[subreaper.enabled, subreaper.orphans({})].flat()')).toMatch(/^\[ false/);
    await driven.type('self.close()');
  });

  test('looks at cgroups, and changes none', async () => {
    await driven.type('const root = await Cgroup.open("/")');
    expect(await driven.type('root.path + typeof (await root.stat()).nrDescendants')).toBe("'/number'");
    expect(await driven.type('root.tree()[0].depth')).toBe('0');
    for (const call of ['freeze()', 'kill()', 'remove({ recursive: true })', 'set({})', 'attach(1)'])
      expect(await driven.type(`await root.${call}`)).toContain('changes the system');
    expect(await driven.type('await Cgroup.create("/", "x")')).toContain(
      'Cgroup.create() changes the system',
    );
    await driven.type('root.close()');
  });

  test('prints a list as a table, and leaves the list alone', async () => {
    expect(await driven.type('const links = await rt.link.list(); links')).toMatch(
      /^ifindex {2}ifname {2}.*operstate.*\n +1 {2}lo +.*DOWN.*\n\(1 row/,
    );
    expect(await driven.type('links[0].ifname + links.length')).toBe("'lo1'");
    expect(await driven.type('Object.getOwnPropertySymbols(links).length')).toBe('0');
  });

  test.each([
    'rt.link.set("lo", { up: true })',
    'rt.link.add({ kind: "bridge", ifname: "br0" })',
    'rt.link.del("lo")',
    'rt.address.replace({ dev: "lo", local: "10.0.0.1/8" })',
    'rt.route.append({ dst: "10.0.0.0/8", type: "blackhole" })',
    'rt.route.change({ dst: "10.0.0.0/8" })',
    'rt.rule.add({ table: 100 })',
    'rt.neighbour.del({ dev: "lo", dst: "10.0.0.1" })',
    'rt.nexthop.add({ id: 1 })',
    'Netns.create()',
    'Netns.remove("x")',
    'Process.spawn(["true"])',
    'subreaper.enable()',
  ])('refuses %s, and says how to allow it', async (line) => {
    const call = /([A-Za-z]+\.)+[a-z]+(?=\([^)]*\)?[^(]*$)/i.exec(line)?.[0] ?? '';
    const verb = call.split('.').at(-1);
    const answer = await driven.type(`await ${line}`);
    expect(answer).toContain('ReadOnlyError');
    expect(answer).toContain(`.${verb}() changes the system`);
    expect(answer).toContain('cofferdam repl --allow-write');
    expect(answer).toContain('ERR_COFFERDAM_READ_ONLY');
  });

  test('a socket of its own only reads, too', async () => {
    await driven.type('const own = await RouteSocket.open()');
    expect(await driven.type('await own.link.set("lo", { up: false })')).toContain(
      'ReadOnlyError: socket.link.set() changes the system',
    );
    expect(await driven.type('(await own.link.get("lo")).ifname')).toBe("'lo'");
    await driven.type('own.close()');
  });

  test('dumps, monitors, and reads errors of the kernel', async () => {
    expect(
      await driven.type('for await (const rule of rt.rule.dump()) { console.assert(rule.action) }'),
    ).toBe('');
    const answer = await driven.type('await rt.link.get("nope")');
    expect(answer).toMatch(/^Uncaught\s+NetlinkError: RTM_GETLINK: No such device \(ENODEV\)/);
    expect(answer).toContain("code: 'ENODEV'");
    expect(answer).not.toMatch(/\n\s+at /);
    expect(await driven.type('const monitor = await rt.monitor(["link"]); monitor.fd > 0')).toBe('true');
    expect(await driven.type('monitor.close()')).toBe('');
  });

  test('.handles, .snap, .diff and .why', async () => {
    await driven.type('.snap first');
    await driven.type('const s = await RouteSocket.open()');
    const difference = await driven.type('.diff first');
    expect(difference).toMatch(/opened +\d+ +netlink/);
    expect(difference).toContain('1 opened, 0 closed, 0 leaked; fds +1');
    const fd = handles.list().at(-1)?.fd;
    const why = await driven.type(`.why ${fd}`);
    expect(why).toMatch(
      new RegExp(`^fd ${fd} is socket:\\[\\d+\\]\nowned by handle \\d+: netlink fd ${fd} `),
    );
    expect(why).toMatch(/opened here:\n.*\bat /s);
    expect(await driven.type('.handles')).toMatch(/netlink +\d+ +open/);
    await driven.type('s.close()');
    expect(await driven.type('.diff first')).toContain('0 opened, 0 closed, 0 leaked; fds +0');
    expect(await driven.type('.diff never')).toBe('Nothing to compare with: .snap never first.');
    expect(await driven.type('.why 4711')).toBe('fd 4711 is not open.');
    expect(await driven.type('.why')).toBe('Usage: .why FD');
  });

  test('netns.use() has rt work elsewhere, and closes what it had open', async () => {
    const other = await Netns.create();
    try {
      await driven.type('await rt.link.list()');
      const before = handles.list().length;
      await driven.type(`netns.use('/proc/${process.pid}/fd/${other.fd}')`);
      const links = await driven.type('(await rt.link.list()).map((link) => link.ifname)');
      expect(links).toBe("[ 'lo' ]");
      expect(handles.list().length).toBe(before);
      expect(handles.list().some(({ netns: inode }) => inode === other.inode)).toBe(true);
    } finally {
      await other[Symbol.asyncDispose]();
    }
  });

  test('.clear keeps the scope', async () => {
    await driven.type('.clear');
    expect(await driven.type('typeof rt.link.list + typeof handles.list')).toBe("'functionfunction'");
  });
});

test('with allowWrite it changes things', async () => {
  driven = await drive({ open: { netns }, allowWrite: true });
  expect(await driven.type('await rt.link.set("lo", { up: true })')).toBe('');
  expect(await driven.type('(await rt.link.get("lo")).flags.includes("UP")')).toBe('true');
  expect(await driven.type('const ns = await Netns.create(); ns.kind')).toBe("'netns'");
  expect(await driven.type('ns.close()')).toBe('');
});

test('closes rt at its end', async () => {
  const before = handles.list().length;
  driven = await drive({ open: { netns } });
  await driven.type('await rt.link.list()');
  expect(handles.list().length).toBe(before + 1);
  await driven.end();
  expect(handles.list().length).toBe(before);
});
