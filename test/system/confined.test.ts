import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CAPABILITIES, capabilityMask } from '../../src/system/capabilities.ts';
import type { RunOptions } from '../../src/system/index.ts';
import { System } from '../../src/system/index.ts';

/** What programs of a system have lost, as the kernel tells it from inside. */

let box: System;
beforeAll(async () => {
  box = await System.create({ name: 'confined', group: `cofferdam-test-${process.pid}` });
});
afterAll(async () => {
  await box.stop();
});

/** What a script says to stdout and stderr, whatever its exit code. */
async function said(script: string, options: RunOptions = {}): Promise<string> {
  const command = await box.start(['sh', '-c', `exec 2>&1\n${script}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    ...options,
  });
  const output = await text(command.stdout as Readable);
  await command.wait();
  return output.trim();
}

const python = (...lines: string[]) => `python3 - <<'END'\nimport os\n${lines.join('\n')}\nEND`;

const status = (name: string, output: string) =>
  new RegExp(`^${name}:\\s*(\\w+)`, 'm').exec(output)?.[1] ?? '';

describe('a program in a system', () => {
  it('has lost what it is confined by, and its children too', async () => {
    const output = await said('cat /proc/self/status');
    const dropped = capabilityMask(box.spec.security.dropCapabilities);
    for (const set of ['CapBnd', 'CapPrm', 'CapEff']) {
      const mask = BigInt(`0x${status(set, output)}`);
      expect([set, mask & dropped]).toEqual([set, 0n]);
      expect(mask & capabilityMask(['CAP_CHOWN', 'CAP_SETUID'])).not.toBe(0n);
    }
    for (const set of ['CapInh', 'CapAmb']) expect(BigInt(`0x${status(set, output)}`)).toBe(0n);
    expect([status('NoNewPrivs', output), status('Seccomp', output)]).toEqual(['1', '2']);
    const user = await said('cat /proc/self/status', { user: { uid: 1000, gid: 1000 } });
    expect(BigInt(`0x${status('CapPrm', user)}`)).toBe(0n);
    expect(dropped).not.toBe(capabilityMask(CAPABILITIES));
  });

  it('reads nothing of what is masked', async () => {
    const names = [
      '/proc/kcore',
      '/proc/keys',
      '/proc/kallsyms',
      '/proc/timer_list',
      '/etc/shadow',
      '/etc/gshadow',
    ];
    expect(
      await said(`for f in ${names.join(' ')}; do [ ! -e $f ] || head -c 1 $f | wc -c; done | sort -u`),
    ).toMatch(/^0?$/);
    expect(
      await said('ls -A /root /home /boot /srv /sys/firmware /etc/ssh 2>/dev/null | grep -v ":$" | grep .'),
    ).toBe('');
  });

  it('does not come out of a chroot of its own into the root of the host', async () => {
    const root = await said('stat -c %d:%i /');
    const { dev, ino } = statSync('/');
    expect(root).not.toBe(`${dev}:${ino}`);
    const jailbreak = python(
      'os.makedirs("/tmp/cofferdam-jail", exist_ok=True)',
      'out = os.open("/", os.O_RDONLY)',
      'os.chroot("/tmp/cofferdam-jail")',
      'os.fchdir(out)',
      '[os.chdir("..") for _ in range(64)]',
      'os.chroot(".")',
      'status = os.stat("/")',
      'print(f"{status.st_dev}:{status.st_ino}")',
    );
    expect(await said(jailbreak)).toBe(root);
  });

  it('writes its own where the host has its logs and queues', async () => {
    for (const path of [
      '/var/log',
      '/var/spool',
      '/var/mail',
      '/var/backups',
      '/var/lib/systemd',
      '/root',
      '/srv',
    ]) {
      if (statSync(path, { throwIfNoEntry: false }) === undefined) continue;
      expect([path, await said(`ls -A ${path}; echo own > ${path}/own && cat ${path}/own`)]).toEqual([
        path,
        'own',
      ]);
      expect(statSync(`${path}/own`, { throwIfNoEntry: false })).toBeUndefined();
    }
  });

  it('gains nothing by set-user-ID', async () => {
    await said('cp /usr/bin/id /usr/own-id && chmod 4755 /usr/own-id');
    expect(await said('/usr/own-id -u', { user: { uid: 1000, gid: 1000 } })).toBe('1000');
  });
});
