import { readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { HIDDEN_HOST_PATHS, MASKED_PATHS, READONLY_PATHS } from '../../src/system/masks.ts';

const paths = (list: readonly { readonly path: string }[]) => list.map(({ path }) => path);
const isBelow = (path: string, lists: readonly string[]) =>
  lists.some((one) => path === one || path.startsWith(`${one}/`));

describe('guarded paths', () => {
  it('are absolute, normal, there once, and each has its reason', () => {
    for (const list of [MASKED_PATHS, READONLY_PATHS, HIDDEN_HOST_PATHS]) {
      expect(new Set(paths(list)).size).toBe(list.length);
      for (const { path, why } of list) {
        expect(path).toMatch(/^(\/[\w.+-]+)+$/);
        expect(path).not.toMatch(/\/\.\.?(\/|$)/);
        expect(why.length).toBeGreaterThan(3);
      }
    }
    for (const path of [...paths(MASKED_PATHS), ...paths(READONLY_PATHS)])
      expect(path).toMatch(/^\/(proc|sys)(\/|$)/);
  });

  it('are documented, with their reasons', () => {
    const text = readFileSync(new URL('../../docs/systems-security.md', import.meta.url), 'utf8');
    const rows = [...text.matchAll(/^\| `(\/[^`]+)` +\| (.*) \|$/gm)].map(([, path, why]) => ({ path, why }));
    const all = [...MASKED_PATHS, ...READONLY_PATHS, ...HIDDEN_HOST_PATHS];
    expect(rows).toEqual(all.map(({ path, why }) => ({ path, why })));
  });

  it('leave what programs read of /proc', () => {
    for (const name of [
      'cpuinfo',
      'meminfo',
      'stat',
      'loadavg',
      'mounts',
      'self',
      'uptime',
      'version',
      'filesystems',
    ])
      expect(isBelow(`/proc/${name}`, paths(MASKED_PATHS))).toBe(false);
  });

  it('have all settings of the kernel that name a program which it runs', () => {
    const known = ['/proc/sys/kernel/core_pattern', '/proc/sys/kernel/modprobe'];
    for (const path of known) expect(isBelow(path, paths(READONLY_PATHS))).toBe(true);
  });

  it('leave nothing else of /proc for root to write', () => {
    const covered = [...paths(MASKED_PATHS), ...paths(READONLY_PATHS)];
    const others = readdirSync('/proc').filter((name) => {
      if (/^\d+$|^(self|thread-self|net|mounts)$/.test(name) || isBelow(`/proc/${name}`, covered))
        return false;
      const status = statSync(`/proc/${name}`, { throwIfNoEntry: false });
      return status?.isFile() === true && (status.mode & 0o222) !== 0;
    });
    expect(others).toEqual([]);
  });

  it('have what attackers look for first', () => {
    const wanted = [
      ...[
        '/etc/shadow',
        '/etc/gshadow-',
        '/var/backups/shadow.bak',
        '/etc/ssh/ssh_host_ed25519_key',
        '/root',
      ],
      ...[
        '/run/docker.sock',
        '/run/containerd/containerd.sock',
        '/var/lib/docker',
        '/var/lib/kubelet/pki',
        '/boot',
      ],
      ...[
        '/etc/kubernetes/admin.conf',
        '/var/lib/cloud/instance/user-data.txt',
        '/var/log/auth.log',
        '/swapfile',
      ],
    ];
    expect(wanted.filter((path) => !isBelow(path, paths(HIDDEN_HOST_PATHS)))).toEqual([]);
    // Programs start from what is left.
    for (const path of ['/usr', '/bin', '/lib', '/etc/passwd', '/etc/ssl/certs', '/etc/resolv.conf', '/opt'])
      expect(isBelow(path, paths(HIDDEN_HOST_PATHS))).toBe(false);
  });
});
