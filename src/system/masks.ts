/**
 * Paths that a system must not see, or must not write, and why. Of /proc and /sys, a path that a kernel has not is passed
 * over; a file is covered by an empty one, a directory by an empty one.
 *
 * A user namespace of its own makes root inside nobody to most of /proc and /sys. The lists do not count on it: it can be
 * left out, and ids can be mapped to themselves.
 */

export interface GuardedPath {
  readonly path: string;
  /** What it would give away, or what could be done with it. */
  readonly why: string;
  /** Of a directory that programs expect to write to: a system has its own there, empty, with this mode. */
  readonly own?: string;
}

export function pathsOf(list: readonly GuardedPath[]): string[] {
  return list.map(({ path }) => path);
}

/**
 * Of /proc and /sys: covered. What is mounted within the host's /sys (debugfs, tracefs, securityfs, pstore, bpf) is not in
 * a system's.
 */
export const MASKED_PATHS: readonly GuardedPath[] = [
  { path: '/proc/acpi', why: "switches of the host's firmware" },
  { path: '/proc/asound', why: "the host's sound devices, and who uses them" },
  {
    path: '/proc/interrupts',
    why: 'times of key strokes and packets of the host can be read from its counters',
  },
  { path: '/proc/kallsyms', why: 'addresses in the kernel, for exploits' },
  { path: '/proc/kcore', why: 'all memory of the host' },
  { path: '/proc/keys', why: 'names of keys that belong to others, as there is no namespace for them' },
  { path: '/proc/key-users', why: 'who on the host has keys' },
  { path: '/proc/kmsg', why: "the kernel's messages, with addresses and what other systems did" },
  { path: '/proc/kpagecgroup', why: 'which cgroup each page of memory is of' },
  { path: '/proc/kpagecount', why: 'how physical pages are used, which helps Rowhammer and side channels' },
  { path: '/proc/kpageflags', why: 'the same' },
  { path: '/proc/latency_stats', why: 'what processes of the host wait for; writing clears it' },
  { path: '/proc/sched_debug', why: 'names of all processes of the host (Linux before 5.13)' },
  { path: '/proc/scsi', why: "disks of the host can be taken off by writing 'scsi remove-single-device'" },
  { path: '/proc/timer_list', why: 'all timers of the host, with names and addresses' },
  { path: '/proc/timer_stats', why: 'processes of the host by their timers (Linux before 4.11)' },
  { path: '/proc/vmallocinfo', why: 'addresses in the kernel' },
  { path: '/sys/devices/virtual/powercap', why: 'power that the CPUs draw gives keys away (PLATYPUS)' },
  {
    path: '/sys/firmware',
    why: 'tables of ACPI, DMI and EFI: serial numbers, and variables that boot the host',
  },
  { path: '/sys/hypervisor', why: 'who and where this machine is' },
];

/** Of /proc: to be read, never to be written. All of /sys is mounted so. */
export const READONLY_PATHS: readonly GuardedPath[] = [
  { path: '/proc/bus', why: 'configuration space of PCI devices' },
  { path: '/proc/fs', why: 'settings of file systems of the host' },
  { path: '/proc/irq', why: 'which CPU serves which interrupt of the host' },
  { path: '/proc/mtrr', why: 'how the CPU caches memory' },
  {
    path: '/proc/sys',
    why: 'kernel.core_pattern and kernel.modprobe name programs that the host runs as root',
  },
  { path: '/proc/sysrq-trigger', why: 'one letter reboots or crashes the host' },
];

/**
 * Of the root of a host, where a system has it for its lowest layer: not there, or a directory of its own. Layers hold one file system each, so what is
 * mounted below the root is not there anyway; listed is what is often part of the root itself.
 */
export const HIDDEN_HOST_PATHS: readonly GuardedPath[] = [
  {
    path: '/root',
    why: 'keys, histories and tokens of root: .ssh, .aws, .kube, .npmrc, .bash_history',
    own: '700',
  },
  { path: '/home', why: 'the same of everybody else', own: '755' },
  {
    path: '/run',
    why: 'sockets that command the host: dbus, systemd, docker.sock, containerd, and credentials beside them',
  },
  {
    path: '/boot',
    why: 'the kernel and its symbols, the initramfs with keys of disks, the passwords of the boot loader',
  },
  { path: '/efi', why: 'the same, where it is mounted there' },
  { path: '/tmp', why: 'files and sockets of other programs: a system has its own' },
  { path: '/var/tmp', why: 'the same' },
  { path: '/lost+found', why: 'pieces of files that were removed or broken' },
  { path: '/mnt', why: 'other file systems', own: '755' },
  { path: '/media', why: 'other file systems', own: '755' },
  { path: '/srv', why: 'data that this host serves', own: '755' },
  { path: '/swapfile', why: 'memory of other programs' },
  { path: '/swap.img', why: 'memory of other programs' },

  { path: '/etc/shadow', why: 'hashes of passwords' },
  { path: '/etc/shadow-', why: 'hashes of passwords, the copy before the last change' },
  { path: '/etc/gshadow', why: 'hashes of passwords of groups' },
  { path: '/etc/gshadow-', why: 'hashes of passwords of groups, the copy before the last change' },
  { path: '/etc/security/opasswd', why: 'hashes of former passwords' },
  { path: '/etc/sudoers', why: 'who may become whom on the host' },
  { path: '/etc/sudoers.d', why: 'who may become whom on the host' },
  { path: '/etc/ssh', why: "private keys of the host's sshd, by which others know it" },
  { path: '/etc/ssl/private', why: 'private keys of certificates' },
  { path: '/etc/pki/tls/private', why: 'private keys of certificates' },
  { path: '/etc/letsencrypt', why: 'private keys of certificates, and of the account that renews them' },
  { path: '/etc/krb5.keytab', why: 'keys of services in Kerberos' },
  { path: '/etc/crypttab', why: 'encrypted disks, and where their keys are' },
  { path: '/etc/cryptsetup-keys.d', why: 'keys of encrypted disks' },
  { path: '/etc/credstore', why: 'credentials of services (systemd)' },
  { path: '/etc/credstore.encrypted', why: 'credentials of services (systemd)' },
  { path: '/etc/wireguard', why: 'private keys of tunnels' },
  { path: '/etc/openvpn', why: 'private keys of tunnels' },
  { path: '/etc/ipsec.secrets', why: 'keys of tunnels' },
  { path: '/etc/ipsec.d', why: 'private keys of tunnels' },
  { path: '/etc/swanctl', why: 'private keys of tunnels' },
  { path: '/etc/ppp', why: 'passwords: chap-secrets, pap-secrets' },
  { path: '/etc/NetworkManager/system-connections', why: 'passwords of networks' },
  { path: '/etc/netplan', why: 'passwords of networks' },
  { path: '/etc/wpa_supplicant', why: 'passwords of networks' },
  { path: '/etc/kubernetes', why: 'admin.conf and the keys of the cluster' },
  { path: '/etc/rancher', why: 'the configuration and keys of k3s' },
  { path: '/etc/docker', why: 'keys of the daemon' },
  { path: '/etc/containers', why: 'passwords of registries' },
  { path: '/etc/cloud', why: 'how this machine was set up, at times with passwords' },
  { path: '/etc/postfix/sasl_passwd', why: 'the password of the mail relay' },
  { path: '/etc/exim4/passwd.client', why: 'the password of the mail relay' },
  { path: '/etc/mysql/debian.cnf', why: 'the password of the maintenance user' },
  { path: '/etc/apt/auth.conf', why: 'passwords of package sources' },
  { path: '/etc/apt/auth.conf.d', why: 'passwords of package sources' },

  { path: '/etc/postgresql', why: 'who may use data bases, and how' },

  { path: '/var/backups', why: 'copies of shadow and gshadow', own: '755' },
  { path: '/var/cache/debconf', why: 'passwords.dat: answers to questions of packages', own: '755' },
  { path: '/var/crash', why: 'memory of programs that crashed', own: '1777' },
  { path: '/var/lib/cloud', why: 'user data of this machine: keys and passwords' },
  { path: '/var/lib/containerd', why: 'file systems of containers' },
  { path: '/var/lib/containers', why: 'file systems of containers' },
  { path: '/var/lib/docker', why: 'file systems of containers, and their secrets' },
  { path: '/var/lib/kubelet', why: 'volumes and secrets of pods, the certificate of the node' },
  { path: '/var/lib/rancher', why: 'the same for k3s' },
  { path: '/var/lib/libvirt', why: 'disks and secrets of virtual machines' },
  { path: '/var/lib/lxc', why: 'file systems of containers' },
  { path: '/var/lib/lxd', why: 'file systems of containers' },
  { path: '/var/lib/machines', why: 'file systems of containers' },
  { path: '/var/lib/mysql', why: 'data bases' },
  { path: '/var/lib/postgresql', why: 'data bases' },
  { path: '/var/lib/NetworkManager', why: 'secret_key, and which networks were joined' },
  { path: '/var/lib/private', why: 'the state of services (systemd)' },
  { path: '/var/lib/samba/private', why: 'hashes of passwords' },
  { path: '/var/lib/sss', why: 'cached passwords and tickets of the directory service' },
  {
    path: '/var/lib/systemd',
    why: 'credential.secret, random-seed, and memory of programs that crashed',
    own: '755',
  },
  { path: '/var/log', why: 'what happened on the host, at times with passwords typed as names', own: '755' },
  { path: '/var/mail', why: 'mail', own: '1777' },
  { path: '/var/spool', why: 'mail, print jobs, crontabs and the jobs of at', own: '755' },
];
