/** security: what a program is told of what it may not do, and what it is refused. */
import { mkdtempSync, readFileSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { expect } from 'vitest';
import { isLinux } from '../../../src/handle/linux.ts';
import type { SecurityConfig } from '../../../src/system/config/config.ts';
import type { Namespace } from '../../../src/system/config/index.ts';
import { System } from '../../../src/system/index.ts';
import { mount, pidsIn } from '../../support/cgroup.ts';
import { until } from '../../support/cgroup-jobs.ts';
import { skip } from '../../support/needs.ts';
import { hasAppArmor, loadProfile, removeProfile } from './apparmor.ts';
import { type Chapter, create, type FieldTest, GROUP, lines, say, shell } from './felt.ts';

const KINDS: Readonly<Record<Namespace, string>> = {
  pid: 'pid',
  net: 'net',
  mount: 'mnt',
  uts: 'uts',
  ipc: 'ipc',
  user: 'user',
  cgroup: 'cgroup',
  time: 'time',
};

/** Kinds of namespaces that a system has of its own. */
async function own(namespaces?: readonly Namespace[]): Promise<string[]> {
  const kinds = Object.keys(KINDS) as Namespace[];
  const script = kinds.map((kind) => `readlink /proc/self/ns/${KINDS[kind]}`).join('; ');
  const links = await lines(script, namespaces === undefined ? {} : { security: { namespaces } });
  return kinds.filter((kind, index) => links[index] !== readlinkSync(`/proc/self/ns/${KINDS[kind]}`)).sort();
}

const status = async (key: string, config: Parameters<typeof lines>[1]): Promise<string | undefined> =>
  (await lines(`sed -n "s/^${key}:\\s*//p" /proc/self/status`, config))[0];

/** A map of ids: what is told of it inside, and whose a program is outside. */
const mapped =
  (kind: 'uid' | 'gid'): FieldTest =>
  async () => {
    await using box = await create({ security: { [`${kind}_map`]: ['0 100000 1000', '5000 200000 10'] } });
    const map = readFileSync(`/proc/${box.pid}/${kind}_map`, 'utf8');
    expect(map.trim().split(/\s+/).map(Number)).toEqual([0, 100_000, 1000, 5000, 200_000, 10]);
    // Root inside is nobody of the host's, and writes what is its own.
    expect((await say(box, 'id -u; id -g; echo own > /tmp/x; cat /tmp/x')).output).toBe('0\n0\nown');
    const script = `stat -c %${kind[0]} / /tmp /root /dev/shm /etc; echo > /dev/null; echo own > /dev/stdout`;
    expect((await say(box, script)).output).toBe('0\n0\n0\n0\n65534\nown');
    await shell(box, 'exec sleep 1000');
    await until('it runs', async () => pidsIn(mount + box.cgroup).length === 2);
    const program = pidsIn(mount + box.cgroup).find((pid) => pid !== box.pid);
    const ids = readFileSync(`/proc/${program}/status`, 'utf8');
    expect(ids).toMatch(new RegExp(`^${kind === 'uid' ? 'Uid' : 'Gid'}:\\s+100000\\s`, 'm'));
  };

type LandlockConfig = NonNullable<SecurityConfig['landlock']>;

const PROGRAMS = ['/usr', '/bin', '/lib', '/lib64'];

/** What a program may do under Landlock; where the kernel has none, that is an error. */
async function landlocked(landlock: LandlockConfig, script: string): Promise<string[]> {
  if (isLinux('5.13')) return await lines(`exec 2>&1; ${script}`, { security: { landlock } });
  await expect(create({ security: { landlock } })).rejects.toMatchObject({ field: 'security.landlock' });
  return [];
}

export const security: Chapter = {
  fields: {
    'security.namespaces': async () => {
      expect(await own()).toEqual(['cgroup', 'ipc', 'mount', 'net', 'pid', 'user', 'uts']);
      expect(await own(['pid', 'mount', 'time'])).toEqual(['mount', 'pid', 'time']);
    },

    'security.capabilities.drop': async () => {
      const drop = ['CAP_SYS_ADMIN', 'net_raw', 'CAP_CHOWN'];
      for (const set of ['CapBnd', 'CapPrm', 'CapEff']) {
        const mask = BigInt(`0x${await status(set, { security: { capabilities: { drop } } })}`);
        expect([set, ...[21n, 13n, 0n, 1n].map((bit) => (mask >> bit) & 1n)]).toEqual([set, 0n, 0n, 0n, 1n]);
      }
      const chown = 'touch /usr/file; chown 1:1 /usr/file 2> /dev/null || echo refused';
      expect(await lines(chown, { security: { capabilities: { drop } } })).toEqual(['refused']);
      expect(await lines(chown)).toEqual(['']);
    },

    'security.seccomp': async () => {
      expect(await status('Seccomp', {})).toBe('2');
      expect(await status('Seccomp', { security: { seccomp: 'unconfined' } })).toBe('0');
      const place = mkdtempSync('/var/tmp/cofferdam-test-');
      try {
        const seccomp = `${place}/profile.json`;
        const names = ['mkdir', 'mkdirat'];
        const syscalls = [{ names, action: 'SCMP_ACT_ERRNO', errnoRet: 28 }];
        writeFileSync(
          seccomp,
          JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_X86_64'], syscalls }),
        );
        const said = await lines('mkdir /usr/new 2>&1', { security: { seccomp } });
        expect(said.join()).toContain('No space left on device');
      } finally {
        rmSync(place, { recursive: true });
      }
    },

    'security.apparmor': async (context) => {
      const apparmor = `cofferdam-test-${process.pid}`;
      // Without the profile, and without AppArmor, it is an error, and no system without.
      await using unknown = await create({ security: { apparmor } });
      const refused = await unknown.run(['true']).catch((error: unknown) => error);
      if (!hasAppArmor()) {
        expect(refused).toMatchObject({ syscall: expect.stringMatching(/open|write/) });
        skip(context, 'AppArmor');
      }
      expect(refused).toMatchObject({ code: 'ENOENT', syscall: 'write' });
      loadProfile(apparmor, '/etc/hosts');
      try {
        const script = 'exec 2>&1; cat /proc/self/attr/current; cat /etc/passwd | head -n 1; cat /etc/hosts';
        const free = await lines(script);
        const confined = await lines(script, { security: { apparmor } });
        expect([free[0], confined[0]]).toEqual(['unconfined', `${apparmor} (enforce)`]);
        expect([free[1], free[2]]).toEqual([expect.stringMatching(/^root:/), '127.0.0.1 localhost']);
        expect([confined[1], confined[2]]).toEqual([free[1], expect.stringMatching(/Permission denied$/)]);
        expect(confined).toHaveLength(3);
        await using box = await create({ security: { apparmor } });
        await using visitor = await System.attach(`${GROUP}/${box.name}`);
        expect((await say(visitor, script)).output.split('\n')).toEqual(confined);
      } finally {
        removeProfile(apparmor);
      }
    },

    'security.landlock': async () => {
      const [said = ''] = await landlocked({ read_only: PROGRAMS }, 'cat /etc/passwd');
      if (isLinux('5.13')) expect(said).toContain('Permission denied');
      expect((await lines('cat /etc/passwd', { security: { landlock: 'none' } }))[0]).toContain('root');
    },
    'security.landlock.read_only': async () => {
      const script = 'cat /etc/hosts | wc -l; (: > /etc/hosts) || echo refused';
      const said = await landlocked({ read_only: [...PROGRAMS, '/etc'] }, script);
      if (isLinux('5.13')) expect([said[0], said.at(-1)]).toEqual(['1', 'refused']);
    },
    'security.landlock.read_write': async () => {
      const script = 'echo own > /tmp/x; cat /tmp/x; (echo own > /var/tmp/x) || echo refused';
      const said = await landlocked({ read_only: PROGRAMS, read_write: ['/tmp'] }, script);
      if (isLinux('5.13')) expect([said[0], said.at(-1)]).toEqual(['own', 'refused']);
    },

    'security.masked_paths': async () => {
      const masked_paths = ['/proc/version', '/etc/hosts', '/etc/iproute2'];
      const script = 'cat /proc/version /etc/hosts | wc -c; ls /etc/iproute2 | wc -l; wc -c < /etc/passwd';
      const [files, entries, others] = await lines(script, { security: { masked_paths } });
      expect([files, entries]).toEqual(['0', '0']);
      expect(Number(others)).toBeGreaterThan(0);
    },

    'security.readonly_paths': async () => {
      const script = 'for path in /etc /usr/lib /var; do touch $path/file 2> /dev/null && echo $path; done';
      expect(await lines(script, { security: { readonly_paths: ['/etc', '/usr/lib'] } })).toEqual(['/var']);
      expect(await lines(script, { security: { readonly_paths: [] } })).toEqual(['/etc', '/usr/lib', '/var']);
    },

    'security.uid_map': mapped('uid'),
    'security.gid_map': mapped('gid'),

    'security.no_new_privs': async () => {
      expect(await status('NoNewPrivs', {})).toBe('1');
      // Whoever filters without them needs CAP_SYS_ADMIN.
      const security = { no_new_privs: false, seccomp: 'unconfined' };
      expect(await status('NoNewPrivs', { security })).toBe('0');
    },
  },
};
