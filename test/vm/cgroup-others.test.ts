// Limits that are felt of what most jobs have nothing to do with: an idle CPU's time, memory nodes, huge pages, RDMA.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Cgroup, MissingControllerError } from '../../src/cgroup/index.ts';
import { isLinux } from '../../src/handle/linux.ts';
import { Process } from '../../src/process/index.ts';
import { mount } from '../support/cgroup.ts';
import { busy, create, handDownAllControllers, output, shell, until } from '../support/cgroup-jobs.ts';
import { needs } from '../support/needs.ts';

handDownAllControllers();

describe('cpu', () => {
  it('cpu.idle: a job runs where nobody else wants to', async (context) => {
    needs(context, { linux: '5.15' });
    await using idle = await create({ cpu: { idle: true } }, 'idle');
    await using other = await create({ cpu: { weight: 100 } }, 'other');
    const [little = 1, much = 0] = await busy(2500, idle, other);
    expect(much).toBeGreaterThan(8 * little);
    // Nobody else does.
    expect((await busy(500, idle))[0]).toBeGreaterThan(0.2);
  });

  it('cpu.max.burst: a job that has rested uses more than its quota, and that is counted', async (context) => {
    needs(context, { linux: '5.15' });
    // Works for some two periods, rests for four.
    const bursts = async (burst: number, least: number) => {
      await using cg = await create({ cpu: { max: '50000 100000', burst } });
      const count = async () => Number((await cg.stat()).cpu?.nrBursts);
      await using _job = await shell(
        cg,
        'while :; do timeout 0.2 sh -c "while :; do :; done"; sleep 0.4; done',
      );
      await sleep(2500);
      await until(`${least} bursts`, async () => (await count()) >= least);
      return await count();
    };
    expect(await bursts(0, 0)).toBe(0);
    expect(await bursts(50_000, 1)).toBeGreaterThan(0);
  });
});

it('cpuset.mems: a job takes memory from no other node', async () => {
  for (const node of ['0', '1']) {
    await using cg = await create({ cpuset: { mems: node } });
    expect((await cg.limits()).cpuset?.mems).toBe(node);
    expect(await output(cg, 'grep Mems_allowed_list: /proc/self/status')).toMatch(
      new RegExp(`^Mems_allowed_list:\\s+${node}$`, 'm'),
    );
    await using job = await shell(cg, 'dd if=/dev/zero bs=4M count=1 | sleep 100');
    // Born there, it would have all nodes.
    expect(job.migrated).toBe(!isLinux('6.3'));
    /** The memory of its own that the largest of them has, as '1024 N0=1024'. */
    const largest = () =>
      cg
        .pids()
        .flatMap((pid) => [...readFileSync(`/proc/${pid}/numa_maps`, 'utf8').matchAll(/ anon=(\d{4,}) .*/g)])
        .map(([line]) => line);
    await until('4 MiB taken', async () => largest().length > 0);
    expect(largest().join()).toMatch(new RegExp(`^[^\\n]* N${node}=\\d+ `));
    expect(largest().join()).not.toContain(` N${1 - Number(node)}=`);
  }
});

describe('hugetlb', () => {
  const pool = '/proc/sys/vm/nr_hugepages';
  beforeAll(() => {
    writeFileSync(pool, '8');
    expect(readFileSync(pool, 'utf8')).toBe('8\n');
  });
  afterAll(() => writeFileSync(pool, '0'));

  /** The C library takes huge pages for what is large: a heap of one, and three for a text. */
  const job = async (limits: { max?: bigint; rsvdMax?: bigint }) => {
    await using cg = await create({ hugetlb: { '2MB': limits } });
    expect((await cg.limits()).hugetlb?.['2MB']).toMatchObject(limits);
    await using bash = await Process.spawn(['bash', '-c', 'printf -v text %5000000s; echo done; read'], {
      cgroup: cg,
      stdio: ['pipe', 'pipe', 'ignore'],
      env: { ...process.env, GLIBC_TUNABLES: 'glibc.malloc.hugetlb=2' },
    });
    for await (const _ of bash.stdout ?? []) break;
    const usage = (await cg.stat()).hugetlb?.['2MB'];
    bash.stdin?.end();
    return { exit: await bash.wait({ timeout: 40_000 }), current: usage?.current, max: usage?.events.max };
  };

  it('without a limit: a job has four', async () => {
    expect(await job({ max: 16n << 20n })).toMatchObject({
      exit: { reason: 'exited' },
      current: 8n << 20n,
      max: 0n,
    });
  });

  it('max: it is ended by SIGBUS where it touches the one that is too many', async () => {
    expect(await job({ max: 4n << 20n })).toMatchObject({ exit: { signal: 'SIGBUS' }, max: 1n });
  });

  it('rsvd.max: it is refused what it has not touched yet, and goes on with small pages', async () => {
    expect(await job({ rsvdMax: 4n << 20n })).toMatchObject({
      exit: { reason: 'exited' },
      current: 2n << 20n,
    });
  });
});

describe('rdma', () => {
  beforeAll(() => {
    execFileSync('ip', ['link', 'add', 'rdma0', 'type', 'veth', 'peer', 'name', 'rdma1']);
    execFileSync('ip', ['link', 'set', 'rdma0', 'up']);
    execFileSync('modprobe', ['ib_uverbs']);
    execFileSync('rdma', ['link', 'add', 'rxe0', 'type', 'rxe', 'netdev', 'rdma0']);
  });
  afterAll(() => {
    execFileSync('rdma', ['link', 'delete', 'rxe0']);
    execFileSync('ip', ['link', 'delete', 'rdma0']);
  });

  /**
   * Opens the device three times, and makes three protection domains, as long as it is let. Each command is a write(2) of
   * linux/rdma/ib_user_verbs.h; what the kernel answers goes to the far end of the stack.
   */
  const SCRIPT = `
    const fs = require('node:fs');
    const [, stack] = /^(\\w+)-.*\\[stack\\]$/m.exec(fs.readFileSync('/proc/self/maps', 'utf8'));
    const command = (fd, number) => {
      const words = Buffer.alloc(16);
      words.writeUInt32LE(number, 0);
      words.writeUInt16LE(4, 4);
      words.writeUInt16LE(2, 6);
      words.writeBigUInt64LE(BigInt('0x' + stack), 8);
      fs.writeSync(fd, words);
    };
    const done = { contexts: 0, domains: 0 };
    const thrice = (key, work) => {
      try {
        for (; done[key] < 3; done[key]++) work(done[key]);
      } catch (error) {
        done.code = error.code;
      }
    };
    const fds = [0, 1, 2].map(() => fs.openSync('/dev/infiniband/uverbs0', 'r+'));
    thrice('contexts', (i) => command(fds[i], 0));
    thrice('domains', () => command(fds[0], 3));
    console.log(JSON.stringify(done));`;

  const job = async (limits: { hcaHandle?: number; hcaObject?: number }) => {
    await using cg = await create({ rdma: { rxe0: limits } });
    expect((await cg.limits()).rdma?.rxe0).toMatchObject(
      Object.fromEntries(Object.entries(limits).map(([key, value]) => [key, BigInt(value)])),
    );
    await using node = await Process.spawn([process.execPath, '-e', SCRIPT], {
      cgroup: cg,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    for await (const text of node.stdout ?? []) printed += text;
    await node.wait({ timeout: 40_000 });
    return JSON.parse(printed) as object;
  };

  it('without a limit: a job opens the device as often as it likes', async () => {
    expect(await job({})).toEqual({ contexts: 3, domains: 3 });
  });

  it('hca_handle: a job opens the device no more often', async () => {
    expect(await job({ hcaHandle: 2 })).toEqual({ contexts: 2, domains: 3, code: 'EAGAIN' });
  });

  it('hca_object: a job makes no more objects of it', async () => {
    expect(await job({ hcaObject: 2 })).toEqual({ contexts: 3, domains: 2, code: 'EAGAIN' });
  });

  it('a device that is not there is refused', async () => {
    await expect(create({ rdma: { mlx5_0: { hcaHandle: 1 } } })).rejects.toMatchObject({
      code: 'ENODEV',
      field: 'rdma.mlx5_0',
    });
  });
});

// What kernels count there are encrypted virtual machines, on processors that can encrypt them. A guest has a module of ours
// that charges what such a machine does, in the kernel's own way: scripts/kernels/guest/misc_charge.c.
describe('misc', () => {
  const there = existsSync(`${mount}/misc.capacity`);
  const device = '/proc/cofferdam_misc';
  /** A job makes three machines, and says what became of each; then it waits to be ended, and keeps them. */
  const SCRIPT = `
    import { openSync, writeSync } from 'node:fs';
    const made = [1, 2, 3].map(() => {
      try {
        return writeSync(openSync('${device}', 'w'), String(process.pid)) > 0 && 'made';
      } catch ({ code }) {
        return code;
      }
    });
    console.log(JSON.stringify(made));
    setInterval(() => {}, 1000);
  `;
  const job = async (cg: Cgroup) => {
    const node = await Process.spawn([process.execPath, '--input-type=module', '-e', SCRIPT], {
      cgroup: cg,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    for await (const text of node.stdout ?? [])
      return { made: JSON.parse(text) as string[], [Symbol.asyncDispose]: () => node[Symbol.asyncDispose]() };
    throw new Error('the job said nothing');
  };

  it('where the kernel has nothing to limit, a limit is refused', async () => {
    if (!there) {
      await expect(create({ misc: { sev: 5 } })).rejects.toThrow(MissingControllerError);
      return;
    }
    expect(readFileSync(`${mount}/misc.capacity`, 'utf8')).toBe('');
    await expect(create({ misc: { sev: 5 } })).rejects.toMatchObject({ code: 'EINVAL', field: 'misc.sev' });
  });

  it('a job makes no more encrypted machines, and that is counted', async (context) => {
    needs(context, { linux: '5.13', module: 'misc_charge' });
    execFileSync('modprobe', ['misc_charge']);
    expect(readFileSync(`${mount}/misc.capacity`, 'utf8')).toBe('sev 8\n');

    await using free = await create({ misc: { sev: 'max' } }, 'free');
    await using other = await job(free);
    expect(other.made).toEqual(['made', 'made', 'made']);

    await using cg = await create({ misc: { sev: 2 } });
    expect((await cg.limits()).misc).toMatchObject({ sev: 2n });
    const ended = async () => (await cg.stat()).misc?.sev?.current === 0n;
    {
      await using limited = await job(cg);
      expect(limited.made).toEqual(['made', 'made', 'EBUSY']);
      expect((await cg.stat()).misc?.sev).toMatchObject({
        current: 2n,
        ...(isLinux('6.11') && { peak: 2n }),
      });
      if (isLinux('5.16')) expect((await cg.stat()).misc?.sev?.events).toEqual({ max: 1n });
    }
    await until('all of it given back', ended);
    await cg.set({ misc: { sev: 3 } });
    await using raised = await job(cg);
    expect(raised.made).toEqual(['made', 'made', 'made']);
  });
});
