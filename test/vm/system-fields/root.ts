/** root but for the disk, and who and where programs are. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { afterAll, beforeAll, expect } from 'vitest';
import { mount } from '../../support/cgroup.ts';
import { type Chapter, create, GROUP, inside, lines, say } from './felt.ts';

let place: string;

function setup(): void {
  beforeAll(() => {
    place = mkdtempSync('/var/tmp/cofferdam-test-');
  });
  afterAll(() => rmSync(place, { recursive: true }));
}

export const root: Chapter = {
  setup,
  fields: {
    'root.layers': async () => {
      const layers = ['top', 'base'].map((name) => {
        mkdirSync(`${place}/${name}/bin`, { recursive: true });
        writeFileSync(`${place}/${name}/which`, `${name}\n`);
        writeFileSync(`${place}/${name}/${name}`, '');
        return `${place}/${name}`;
      });
      copyFileSync('/usr/bin/busybox', `${place}/base/bin/busybox`);
      await using box = await create({ root: { layers } });
      const busybox = (...words: string[]) => box.run(['/bin/busybox', ...words], { stdio: 'ignore' });
      expect(await busybox('grep', '-q', 'top', '/which')).toMatchObject({ exitCode: 0 });
      expect(await busybox('ls', '/top', '/base')).toMatchObject({ exitCode: 0 });
      // Nothing else is there.
      expect(await busybox('ls', '/usr')).toMatchObject({ exitCode: 1 });
    },

    'root.size': async () => {
      const { output, result } = await inside(
        'dd if=/dev/zero of=/usr/big bs=1M count=64 2> /dev/null || stat -c %s /usr/big',
        { root: { size: '16M' } },
      );
      expect(result).toMatchObject({ exitCode: 0 });
      expect(Number(output)).toBeGreaterThan(12 << 20);
      expect(Number(output)).toBeLessThanOrEqual(16 << 20);
      expect(existsSync('/usr/big')).toBe(false);
    },

    'root.binds': async () => {
      writeFileSync(`${place}/file`, 'host\n');
      const binds = [
        `${place}:/run/in`,
        { source: place, target: '/run/ro', read_only: true },
        `${place}/file:/etc/file:ro`,
      ];
      expect(
        await lines(
          'cat /etc/file; echo own > /run/in/own; cat /run/ro/own; echo no > /run/ro/no || echo refused',
          {
            root: { binds },
          },
        ),
      ).toEqual(['host', 'own', 'refused']);
      expect(readFileSync(`${place}/own`, 'utf8')).toBe('own\n');
    },

    'root.exports': async () => {
      const exports = [`/usr/out:${place}/out`];
      const { end } = await inside('echo left > /usr/out', { root: { exports } });
      expect(end.exports).toMatchObject([{ files: 1, bytes: 5, error: undefined }]);
      expect(readFileSync(`${place}/out`, 'utf8')).toBe('left\n');
    },

    name: async () => {
      await using box = await create({ name: 'somebody' });
      expect(box.cgroup).toBe(`/${GROUP}/cofferdam-somebody`);
      expect(existsSync(mount + box.cgroup)).toBe(true);
      expect((await say(box, 'hostname')).output).toBe('somebody');
    },

    group: async () => {
      const group = `${GROUP}/inner`;
      await using box = await create({ group });
      expect(existsSync(`${mount}/${group}/cofferdam-${box.name}`)).toBe(true);
      await box.stop({ gracePeriod: 0 });
      expect(existsSync(`${mount}/${group}`)).toBe(false);
    },

    hostname: async () => {
      expect(await lines('hostname', { hostname: 'builder' })).toEqual(['builder']);
      expect(readFileSync('/proc/sys/kernel/hostname', 'utf8')).toBe('guest\n');
    },

    environment: async () => {
      const environment = { ONE: 'two', PATH: '/usr/bin', PORT: 80 };
      const all = await lines('env', { environment });
      // dash sets it.
      expect(all.filter((line) => !line.startsWith('PWD=')).sort()).toEqual([
        'ONE=two',
        'PATH=/usr/bin',
        'PORT=80',
      ]);
    },

    workdir: async () => {
      expect(await lines('pwd', { workdir: '/usr/lib' })).toEqual(['/usr/lib']);
    },

    user: async () => {
      expect(await lines('id -u; id -g', { user: '1234:567' })).toEqual(['1234', '567']);
      expect(await lines('id -u; id -g', { user: 1234 })).toEqual(['1234', '1234']);
    },
    'user.uid': async () => {
      expect(await lines('id -u; id -g', { user: { uid: 1234 } })).toEqual(['1234', '1234']);
    },
    'user.gid': async () => {
      expect(await lines('id -u; id -g', { user: { uid: 1234, gid: 5 } })).toEqual(['1234', '5']);
    },
  },
};
