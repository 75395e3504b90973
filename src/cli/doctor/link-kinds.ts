import { existsSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { NETLINK_ROUTE, NetlinkSocket } from '../../netlink/socket.ts';
import { writeAttribute } from '../../netlink/wire/attributes.ts';
import { WireWriter } from '../../netlink/wire/view.ts';
import { Netns } from '../../netns/index.ts';

/** Which kinds of links this kernel can make (ip-link(8), TYPE). */

export type KindStatus =
  /** Built in, or its module is loaded. */
  | 'yes'
  /** There is a module, which the kernel loads when the first such link is made. */
  | 'module'
  | 'no'
  | 'unknown';

/** Kind, its kernel module, and the prefix of its functions' names. */
const KINDS: readonly (readonly [kind: string, module: string, symbol: string])[] = [
  ['veth', 'veth', 'veth'],
  ['bridge', 'bridge', 'br_dev'],
  ['vxlan', 'vxlan', 'vxlan'],
  ['macvlan', 'macvlan', 'macvlan'],
  ['ifb', 'ifb', 'ifb'],
  ['tun', 'tun', 'tun'],
  ['dummy', 'dummy', 'dummy'],
  ['vlan', '8021q', 'vlan'],
  ['vrf', 'vrf', 'vrf'],
  ['bond', 'bonding', 'bond'],
  ['ipvlan', 'ipvlan', 'ipvlan'],
  ['macvtap', 'macvtap', 'macvtap'],
  ['geneve', 'geneve', 'geneve'],
  ['gre', 'ip_gre', 'ipgre'],
  ['ipip', 'ipip', 'ipip'],
  ['sit', 'sit', 'ipip6'],
  ['wireguard', 'wireguard', 'wg'],
  ['macsec', 'macsec', 'macsec'],
  ['xfrm', 'xfrm_interface', 'xfrmi'],
  ['nlmon', 'nlmon', 'nlmon'],
];

function readLines(path: string): string[] | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n');
  } catch {
    return undefined;
  }
}

/** `kernel/drivers/net/veth.ko.xz: ...` to `veth`; dashes and underscores are one to the kernel. */
function moduleName(line: string): string {
  const path = line.split(':', 1)[0] ?? '';
  return (path.split('/').at(-1) ?? '').replace(/\.ko(\..*)?$/, '').replaceAll('-', '_');
}

interface Modules {
  readonly builtIn: ReadonlySet<string>;
  readonly loaded: ReadonlySet<string>;
  /** Undefined where the index of modules cannot be read. */
  readonly loadable: ReadonlySet<string> | undefined;
}

function readModules(): Modules {
  const directory = `/lib/modules/${release()}`;
  const loadable = readLines(`${directory}/modules.dep`);
  return {
    builtIn: new Set(readLines(`${directory}/modules.builtin`)?.map(moduleName)),
    loaded: new Set(readLines('/proc/modules')?.map((line) => line.split(' ', 1)[0] ?? '')),
    loadable: loadable === undefined ? undefined : new Set(loadable.map(moduleName)),
  };
}

/** Whether the kernel would run modprobe, on whatever host this container stands, for a kind it doesn't know. */
function loadsModules(): boolean {
  return existsSync('/proc/modules') && (readLines('/proc/sys/kernel/modprobe')?.[0] ?? '') !== '';
}

/** Text symbols named after the kinds, where they may be read (proc_kallsyms(5)). */
function readSymbols(): Set<string> | undefined {
  const lines = readLines('/proc/kallsyms');
  if (lines === undefined || lines.length < 2) return undefined;
  const prefixes = new Set<string>();
  for (const line of lines) {
    const name = line.split(' ')[2]?.split('\t', 1)[0];
    const prefix = name === undefined ? undefined : /^(\w+?)_(newlink|setup)$/.exec(name)?.[1];
    if (prefix !== undefined) prefixes.add(prefix);
  }
  return prefixes;
}

const RTM_NEWLINK = 16;
const IFLA_LINKINFO = 18;
const IFLA_INFO_KIND = 1;
const NLM_F_CREATE_EXCL = 0x600;
const SIZEOF_IFINFOMSG = 16;

/** Asks the kernel for a link of this kind, with nothing said about it. */
function newLink(kind: string): Uint8Array {
  const writer = new WireWriter();
  writer.reserve(SIZEOF_IFINFOMSG);
  writeAttribute(writer, IFLA_LINKINFO, true, () => {
    writeAttribute(writer, IFLA_INFO_KIND, false, () => writer.raw(Buffer.from(`${kind}\0`)));
  });
  return writer.bytes;
}

/** Whether the kernel's answer is that it has never heard of the kind. */
function isUnknownKind(error: unknown): boolean {
  const { code, extAck } = error as { code?: unknown; extAck?: { message?: unknown } };
  return code === 'EOPNOTSUPP' && (extAck?.message === undefined || extAck.message === 'Unknown device type');
}

/** In a namespace made for it: what gets made goes with it. */
async function probe(kinds: readonly string[]): Promise<Map<string, KindStatus>> {
  await using netns = await Netns.create();
  await using socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, netns, timeout: 2000 });
  const found = new Map<string, KindStatus>();
  for (const kind of kinds) {
    try {
      await socket.request({ type: RTM_NEWLINK, flags: NLM_F_CREATE_EXCL, payload: newLink(kind) });
      found.set(kind, 'yes');
    } catch (error) {
      // Any other complaint (no VNI, no lower link) comes from a kind that exists.
      found.set(kind, isUnknownKind(error) ? 'no' : 'yes');
    }
  }
  return found;
}

/**
 * Reads what can be read; only where that says nothing, and asking cannot load a module, asks the kernel.
 *
 * @param mayProbe whether a namespace can be made here
 */
export async function linkKinds(mayProbe: boolean): Promise<Map<string, KindStatus>> {
  const modules = readModules();
  const status = new Map<string, KindStatus>();
  const open: string[] = [];
  for (const [kind, module] of KINDS) {
    if (modules.builtIn.has(module) || modules.loaded.has(module)) status.set(kind, 'yes');
    else if (modules.loadable?.has(module) === true) status.set(kind, 'module');
    else open.push(kind);
  }
  const harmless = modules.loadable !== undefined || !loadsModules();
  const found = mayProbe && harmless ? await probe(open).catch(() => undefined) : undefined;
  const symbols = found === undefined && open.length > 0 ? readSymbols() : undefined;
  for (const [kind, , symbol] of KINDS) {
    if (status.has(kind)) continue;
    const bySymbol = symbols === undefined ? 'unknown' : symbols.has(symbol) ? 'yes' : 'no';
    status.set(kind, found?.get(kind) ?? bySymbol);
  }
  return status;
}
