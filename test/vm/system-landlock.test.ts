// security.landlock: felt where the kernel has it, an error that names the field where it has none.
import { afterEach, expect, it } from 'vitest';
import { handles } from '../../src/handle/index.ts';
import { System } from '../../src/system/index.ts';
import { needs } from '../support/needs.ts';

const GROUP = `cofferdam-test-${process.pid}`;
const PROGRAMS = ['/usr', '/bin', '/lib', '/lib64'];
afterEach(() => {
  expect(handles.list().filter(({ state }) => state === 'open')).toEqual([]);
});

it('security.landlock: files are read, written and executed where it says so, and nowhere else', async (context) => {
  needs(context, { linux: '5.13' });
  const security = { landlock: { read_only: PROGRAMS, read_write: ['/tmp'] } };
  await using box = await System.create({ name: 'landlock', group: GROUP, security });
  const code = async (script: string): Promise<number> =>
    (await box.run(['sh', '-c', script], { stdio: 'ignore' })).exitCode;
  expect(await code('echo 1 > /tmp/x && mkdir /tmp/x.d && rm -r /tmp/x.d /tmp/x')).toBe(0);
  expect(await code('echo 1 > /var/tmp/x')).not.toBe(0);
  expect(await code('cat /etc/passwd')).not.toBe(0);
  expect(await code(': > /usr/file')).not.toBe(0);
});

it('security.landlock: before Linux 5.13 an error that names the field', async (context) => {
  needs(context, { before: '5.13' });
  const security = { landlock: { read_only: PROGRAMS } };
  await expect(System.create({ name: 'landlock', group: GROUP, security })).rejects.toMatchObject({
    code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
    field: 'security.landlock',
  });
});
