/** `cofferdam explain`, and the forms in which it takes bytes. */
import { describe, expect, it } from 'vitest';
import { readCaptures } from '../../src/cli/explain-input.ts';
import { runCli } from './run-cli.ts';

/** RTM_NEWLINK of "en0". */
const MESSAGE =
  '28000000100005060100000000000000000000000000000000000000000000000800030065 6e3000'.replaceAll(' ', '');
const BYTES = Uint8Array.from(Buffer.from(MESSAGE, 'hex'));

/** `strace -f -e trace=network -e write=all -e read=all ip link add bond7 link lo type vlan id 5`, its end. */
const STRACE = `sendmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[{nlmsg_len=76, nlmsg_type=RTM_NEWLINK, nlmsg_flags=NLM_F_REQUEST|NLM_F_ACK|NLM_F_EXCL|NLM_F_CREATE, nlmsg_seq=1795287846, nlmsg_pid=0}, {ifi_family=AF_UNSPEC, ifi_type=ARPHRD_NETROM, ifi_index=0, ifi_flags=0, ifi_change=0}, [[{nla_len=8, nla_type=IFLA_LINK}, if_nametoindex("lo")], [{nla_len=10, nla_type=IFLA_IFNAME}, "bond7"]]], iov_len=76}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 76
 * 76 bytes in buffer 0
 | 00000  4c 00 00 00 10 00 05 06  26 eb 01 6b 00 00 00 00  L.......&..k.... |
 | 00010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................ |
 | 00020  08 00 05 00 01 00 00 00  0a 00 03 00 62 6f 6e 64  ............bond |
 | 00030  37 00 00 00 18 00 12 00  08 00 01 00 76 6c 61 6e  7...........vlan |
 | 00040  0c 00 02 00 06 00 01 00  05 00 00 00              ............     |
recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=NULL, iov_len=0}], msg_iovlen=1, msg_controllen=0, msg_flags=MSG_TRUNC}, MSG_PEEK|MSG_TRUNC) = 120
[pid  77] 18:59:00.123456 recvmsg(3, {msg_name={sa_family=AF_NETLINK, nl_pid=0, nl_groups=00000000}, msg_namelen=12, msg_iov=[{iov_base=[{nlmsg_len=120, nlmsg_type=NLMSG_ERROR, nlmsg_flags=NLM_F_ACK_TLVS, nlmsg_seq=1795287846, nlmsg_pid=5343}, [{error=-EOPNOTSUPP, msg=[]}]], iov_len=32768}], msg_iovlen=1, msg_controllen=0, msg_flags=0}, 0) = 120
 * 120 bytes in buffer 0
 | 00000  78 00 00 00 02 00 00 02  26 eb 01 6b df 14 00 00  x.......&..k.... |
 | 00010  a1 ff ff ff 4c 00 00 00  10 00 05 06 26 eb 01 6b  ....L.......&..k |
 | 00020  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  ................ |
 | 00030  00 00 00 00 08 00 05 00  01 00 00 00 0a 00 03 00  ................ |
 | 00040  62 6f 6e 64 37 00 00 00  18 00 12 00 08 00 01 00  bond7........... |
 | 00050  76 6c 61 6e 0c 00 02 00  06 00 01 00 05 00 00 00  vlan............ |
 | 00060  18 00 01 00 55 6e 6b 6e  6f 77 6e 20 64 65 76 69  ....Unknown devi |
 | 00070  63 65 20 74 79 70 65 00                           ce type.         |
Error: Unknown device type.
+++ exited with 2 +++
`;

const bytesOf = (text: string) => readCaptures(text).map(({ bytes }) => bytes);

describe('bytes to explain', () => {
  const spaced = MESSAGE.replace(/../g, '$& ');
  const rows = MESSAGE.match(/.{1,32}/g) ?? [];
  const listing = (row: (offset: string, hex: string) => string) =>
    rows.map((hex, index) => row((index * 16).toString(16).padStart(4, '0'), hex)).join('\n');

  it.each([
    ['digits', MESSAGE],
    ['capitals', MESSAGE.toUpperCase()],
    ['spaces', spaced],
    ['colons', spaced.trim().replaceAll(' ', ':')],
    ['0x, commas', spaced.trim().replace(/\S+/g, '0x$&,')],
    ['a string of C', `"${MESSAGE.replace(/../g, '\\x$&')}"`],
    ['lines', spaced.replace(/(.{24})/g, '$1\n')],
    ['words of 32 bits', MESSAGE.replace(/.{8}/g, '$& ')],
    ['single digits', BYTES.reduce((text, byte) => `${text} ${byte.toString(16)}`, '')],
    [
      'hexdump -C',
      listing((at, hex) => `0000${at}  ${hex.replace(/../g, '$& ').replace(/^(.{24})/, '$1 ')} |....|`),
    ],
    ['xxd', listing((at, hex) => `0000${at}: ${hex.replace(/.{4}/g, '$& ').trim()}  ....`)],
    ['tcpdump -x', listing((at, hex) => `\t0x${at}:  ${hex.replace(/.{4}/g, '$& ').trim()}`)],
    ['strace -xx', `sendto(3, "${MESSAGE.replace(/../g, '\\x$&')}", 40, 0, NULL, 0) = 40`],
    [
      'strace',
      'write(3, "(\\0\\0\\0\\20\\0\\5\\6\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\0\\10\\0\\3\\0en0\\0", 40) = 40',
    ],
  ])('come as %s', (_name, text) => {
    expect(bytesOf(text)).toEqual([BYTES]);
  });

  it('come with the calls that strace saw, however it took them apart', () => {
    const captures = readCaptures(STRACE);
    expect(captures.map(({ bytes, call }) => [bytes.length, call?.match(/\w+\(/)?.[0]])).toEqual([
      [76, 'sendmsg('],
      [120, 'recvmsg('],
    ]);
  });

  it('know when some are missing', () => {
    expect(readCaptures('sendto(3, "\\x28\\x00"..., 40, 0, NULL, 0) = 40')).toMatchObject([{ cut: true }]);
    const decoded = STRACE.split('\n')
      .filter((line) => !line.startsWith(' '))
      .join('\n');
    expect(() => readCaptures(decoded)).toThrow('-e write=all');
    for (const text of ['', '   \n', 'hello', '123', '12 3z', 'open("/etc/passwd", O_RDONLY) = 3'])
      expect(() => readCaptures(text), text).toThrow();
  });
});

describe('explain', () => {
  it('tells each attribute with where it stands', async () => {
    const { code, stdout, stderr } = await runCli(['explain', ...(MESSAGE.match(/../g) ?? [])]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toBe(`    0  RTM_NEWLINK (16), 40 bytes, REQUEST|ACK|EXCL|CREATE seq 1 port 0
   16    ifinfomsg, 16 bytes
   16      family 0 AF_UNSPEC
   18      type 0
   20      index 0
   24      flags 0
   28      change 0
   32    IFLA_IFNAME (3), 8 bytes: "en0"
`);
  });

  it('reads strace from stdin, and gives a tree with -j', async () => {
    const text = await runCli(['explain'], { input: STRACE });
    expect(text.code).toBe(0);
    for (const part of [
      'sendmsg(3',
      'IFLA_VLAN_ID (1), 6 bytes: 5',
      'errno -95: ENOTSUP',
      'Unknown device type',
      'in answer to',
    ])
      expect(text.stdout).toContain(part);
    const { code, stdout } = await runCli(['-j', 'explain', '-'], { input: STRACE });
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        messages: [
          {
            name: 'RTM_NEWLINK',
            header: { name: 'ifinfomsg' },
            attributes: [{ name: 'IFLA_LINK', value: 1 }, {}, {}],
          },
        ],
      },
      { messages: [{ name: 'NLMSG_ERROR', error: { code: 'ENOTSUP' }, request: { name: 'RTM_NEWLINK' } }] },
    ]);
  });

  it('exits with 1 where bytes cannot be, with 2 where there are none', async () => {
    const broken = await runCli(['explain', MESSAGE.slice(0, -4)]);
    expect(broken.code).toBe(1);
    expect(broken.stdout).toContain('! 2 of 40 bytes are missing');
    for (const words of [['xyz'], ['file'], ['file', 'no/such/file']]) {
      const { code, stdout, stderr } = await runCli(['explain', ...words]);
      expect(code).toBeGreaterThan(0);
      expect(stdout).toBe('');
      expect(stderr).not.toContain('    at ');
    }
    expect(await runCli(['explain', '--help'])).toMatchObject({ code: 0, stderr: '' });
  });

  it('knows generic netlink, too', async () => {
    const { code, stdout } = await runCli([
      'explain',
      'generic',
      '20000000100001000100000000000000030200000b0002006e6c6374726c0000',
    ]);
    expect(code).toBe(0);
    expect(stdout).toContain('CTRL_ATTR_FAMILY_NAME (2), 11 bytes: "nlctrl"');
  });
});
