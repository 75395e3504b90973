import { describe, expect, test } from 'vitest';
import { cgroupMode } from '../../src/cgroup/hierarchy.ts';
import { decodeCapabilities, effectiveCapabilities } from '../../src/cli/doctor/capabilities.ts';
import { checkCapabilities, checkKernel, fdLimits } from '../../src/cli/doctor/host.ts';
import { isHealthy, reportJson, reportText } from '../../src/cli/doctor/report.ts';

describe('capabilities', () => {
  test('decode by capability.h', () => {
    expect(decodeCapabilities('0000000000000000')).toEqual([]);
    expect(decodeCapabilities('0000000000201000')).toEqual(['CAP_NET_ADMIN', 'CAP_SYS_ADMIN']);
    expect(decodeCapabilities('0000010000000001')).toEqual(['CAP_CHOWN', 'CAP_CHECKPOINT_RESTORE']);
    expect(decodeCapabilities('0000020000000000')).toEqual(['CAP_41']);
    expect(effectiveCapabilities('CapPrm:\tff\nCapEff:\t0000000000001000\n')).toEqual(
      new Set(['CAP_NET_ADMIN']),
    );
  });

  test('a missing one is named with what needs it', () => {
    const check = checkCapabilities(new Set(['CAP_NET_ADMIN']));
    expect(check.status).toBe('limited');
    expect(check.wontWork).toEqual([
      'Making network namespaces and entering others: CAP_SYS_ADMIN is missing.',
    ]);
    expect(check.value).toBe('CAP_NET_ADMIN');
    expect(checkCapabilities(new Set()).value).toBe('none');
  });
});

describe('cgroups', () => {
  const v1 = '32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu,cpuacct';
  const named = '40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd';
  const v2 = '41 31 0:38 / /sys/fs/cgroup/uni\\040fied rw,relatime shared:3 - cgroup2 cgroup2 rw,nsdelegate';

  test('are told apart by mountinfo', () => {
    const none = () => [];
    expect(cgroupMode([v1, named, v2].join('\n'), none)).toEqual({
      mode: 'hybrid',
      mount: '/sys/fs/cgroup/uni fied',
      root: '/',
      controllers: [],
      v1Controllers: ['cpu', 'cpuacct'],
    });
    expect(cgroupMode(v2, () => ['memory']).mode).toBe('unified');
    expect(cgroupMode([named, v2].join('\n'), none).mode).toBe('unified');
    expect(cgroupMode(v1, none)).toMatchObject({ mode: 'v1', mount: undefined });
    expect(cgroupMode('', none).mode).toBe('none');
  });
});

test('limits of open files', () => {
  const limits =
    'Limit  Soft  Hard\nMax open files            1024                 524288               files\n';
  expect(fdLimits(limits)).toEqual({ soft: 1024, hard: 524288 });
  expect(fdLimits('Max open files            unlimited            unlimited            files')).toEqual({
    soft: Number.POSITIVE_INFINITY,
    hard: Number.POSITIVE_INFINITY,
  });
  expect(fdLimits('')).toBeUndefined();
});

test('kernels older than 4.20 fail', () => {
  expect(checkKernel('4.19.0-27-amd64').status).toBe('fails');
  expect(checkKernel('4.20.0').status).toBe('ok');
  expect(checkKernel('6.18.5').status).toBe('ok');
});

test('a report ends with what will not work, why, and what helps', () => {
  const report = {
    title: 'cofferdam',
    checks: [
      { name: 'kernel', status: 'ok', value: '6.18' },
      {
        name: 'addon',
        status: 'fails',
        value: 'missing',
        wontWork: ['All of it: gone.'],
        remedy: ['npm rebuild'],
      },
    ],
  } as const;
  expect(isHealthy(report)).toBe(false);
  expect(reportText(report, false)).toBe(
    [
      'cofferdam',
      '',
      '  ok       kernel  6.18',
      '  fails    addon   missing',
      '',
      'What will not work, and why',
      '  - All of it: gone.',
      '      npm rebuild',
      '',
    ].join('\n'),
  );
  expect(reportJson(report)).toMatchObject({
    healthy: false,
    checks: [{}, { wont_work: ['All of it: gone.'] }],
  });
});
