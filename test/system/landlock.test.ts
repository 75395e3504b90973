import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from 'vitest';
import { SystemError } from '../../src/handle/index.ts';
import { checkSystemConfig, type SystemConfig } from '../../src/system/config/index.ts';
import { System } from '../../src/system/index.ts';
import { landlockError } from '../../src/system/landlock.ts';
import { mount } from '../support/cgroup.ts';
import { needs } from '../support/needs.ts';

const GROUP = `cofferdam-landlock-${process.pid}`;
let count = 0;
afterEach(() => expect(existsSync(join(mount, GROUP))).toBe(false));

type Landlock = NonNullable<SystemConfig['security']>['landlock'];

/** What `script` says in a system with these paths; fds of its stdio are its own whatever they are. */
async function said(
  landlock: Landlock,
  script: string,
  more: SystemConfig['security'] = {},
): Promise<string[]> {
  const security = { ...more, ...(landlock !== undefined && { landlock }) };
  await using box = await System.create({ name: `box-${++count}`, group: GROUP, security });
  const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  const output = await text(command.stdout as Readable);
  await command.wait();
  return output.split('\n').filter(Boolean);
}

/** Programs, and what they load. */
const PROGRAMS = ['/usr', '/bin', '/lib', '/lib64', '/etc/ld.so.cache'].filter((path) => existsSync(path));
const tries = (...words: readonly string[]) =>
  words.map((word) => `if (${word}) >&2; then echo "did: ${word}"; fi`).join('\n');

describe('Landlock', () => {
  it('read_only: read and executed, and not written; elsewhere nothing is touched', async (context) => {
    needs(context, { linux: '5.13' });
    const read = 'head -c 1 /usr/bin/env';
    const denied = tries(
      ': > /usr/new',
      'mkdir /usr/new',
      ': >> /usr/bin/env',
      'rm /usr/bin/env',
      'ln -s x /usr/new',
      'ls /etc',
      'cat /etc/passwd',
      ': > /tmp/x',
      'ls /',
    );
    expect(await said({ read_only: PROGRAMS }, `${tries(read)}\n${denied}`)).toEqual([`did: ${read}`]);
  });

  it('without it all of that works', async () => {
    const script = tries(': > /usr/new', 'cat /etc/hostname', 'mkdir /var/new', ': > /tmp/x', 'ls /');
    const did = await said(undefined, script);
    expect(did.length).toBeGreaterThanOrEqual(4);
  });

  it('read_write: everything is done there, and nowhere else', async (context) => {
    needs(context, { linux: '5.19' });
    const script = tries(
      'mkdir -p /tmp/x/b',
      'echo 1 > /tmp/x/file',
      'mv /tmp/x/file /tmp/x/b/file',
      'ln /tmp/x/b/file /tmp/x/link',
      'truncate -s 0 /tmp/x/link',
      'rm -r /tmp/x',
      'mkdir /var/tmp/a',
      'echo 1 > /var/tmp/file',
    );
    const did = await said({ read_only: PROGRAMS, read_write: ['/tmp'] }, script);
    expect(did).toHaveLength(6);
    expect(did.filter((one) => one.includes('/var'))).toEqual([]);
  });

  it('a single file may be named', async (context) => {
    needs(context, { linux: '5.13' });
    const script = tries('cat /etc/hostname', 'cat /etc/passwd', 'echo x > /dev/null', 'echo x > /dev/zero');
    const landlock = { read_only: [...PROGRAMS, '/etc/passwd'], read_write: ['/dev/null'] };
    expect(await said(landlock, script)).toEqual(['did: cat /etc/passwd', 'did: echo x > /dev/null']);
  });

  it('holds for every program, whoever it runs as, and for their children', async (context) => {
    needs(context, { linux: '5.13' });
    const security = { landlock: { read_only: PROGRAMS } };
    await using box = await System.create({ name: `box-${++count}`, group: GROUP, security });
    const script = 'sh -c "sh -c \\": > /tmp/x\\"" 2>&-';
    for (const user of [
      { uid: 0, gid: 0 },
      { uid: 1000, gid: 1000 },
    ]) {
      expect(await box.run(['true'], { stdio: 'ignore', user })).toMatchObject({ exitCode: 0 });
      const { exitCode } = await box.run(['sh', '-c', script], { stdio: 'ignore', user });
      expect(exitCode).not.toBe(0);
    }
  });

  it('denies the program itself where it may not be executed', async (context) => {
    needs(context, { linux: '5.13' });
    const security = { landlock: { read_write: ['/tmp'] } };
    await using box = await System.create({ name: `box-${++count}`, group: GROUP, security });
    await expect(box.run(['/usr/bin/env'])).rejects.toMatchObject({ code: 'EACCES', syscall: 'execve' });
  });

  it('works with more fds than the ruleset has for its number, and without no_new_privs', async (context) => {
    needs(context, { linux: '5.13' });
    const seccomp = 'unconfined';
    const security = { landlock: { read_only: PROGRAMS }, no_new_privs: false, seccomp } as const;
    await using box = await System.create({ name: `box-${++count}`, group: GROUP, security });
    const stdio = ['ignore', 'pipe', ...Array.from({ length: 10 }, () => 'ignore' as const)] as const;
    const script =
      'i=0; for fd in 0 1 2 3 4 5 6 7 8 9; do (eval "true <&$fd") && i=$((i+1)); done; echo $i; : > /tmp/x';
    const command = await box.start(['sh', '-c', script], { stdio });
    expect((await text(command.stdout as Readable)).trim()).toBe('10');
    expect((await command.wait()).exitCode).not.toBe(0);
  });

  it('is an error that names the field where a path is not there', async (context) => {
    needs(context, { linux: '5.13' });
    const create = System.create({
      name: 'no',
      group: GROUP,
      security: { landlock: { read_only: ['/usr', '/nonexistent'] } },
    });
    await expect(create).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'security.landlock.read_only[1]',
      value: '/nonexistent',
    });
  });

  it('is an error that names the field where the kernel has none', () => {
    const { security } = checkSystemConfig({ security: { landlock: { read_only: ['/usr'] } } });
    for (const errno of [-38, -95]) {
      expect(landlockError(new SystemError(errno, 'landlock_create_ruleset'), security)).toMatchObject({
        code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
        field: 'security.landlock',
        remedy: expect.stringContaining('Linux 5.13'),
      });
    }
  });
});
