import { loadBinding } from '../../handle/native-binding.ts';
import { NETLINK_ROUTE, NetlinkSocket } from '../../netlink/socket.ts';
import { Netns } from '../../netns/index.ts';
import { linkKinds } from './link-kinds.ts';
import type { Check } from './report.ts';

/** What has to be tried out, by means of the addon. */

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

export function checkAddon(): Check {
  try {
    const binding = loadBinding();
    const from = process.env.COFFERDAM_ADDON ? `, from COFFERDAM_ADDON=${process.env.COFFERDAM_ADDON}` : '';
    return {
      name: 'addon',
      status: 'ok',
      value: `${binding.version}${binding.debug ? ', with assertions' : ''}${from}`,
      facts: { version: binding.version, debug: binding.debug },
    };
  } catch (error) {
    const [problem = '', ...rest] = messageOf(error).split('\n');
    return {
      name: 'addon',
      status: 'fails',
      value: problem,
      wontWork: ['Everything that talks to the kernel: the native addon cannot be loaded.'],
      // The loader's message ends with a list of what helps, under a heading of its own.
      remedy: rest.filter((line) => !/^What helps/.test(line)).map((line) => line.trim()),
    };
  }
}

const RTM_GETROUTE = 26;

/**
 * A dump of routes with a source prefix length is nonsense that only a strictly checking kernel refuses
 * (NETLINK_GET_STRICT_CHK, netlink(7)). Without it dump filters are ignored without a word.
 */
export async function checkStrict(): Promise<Check> {
  const name = 'rtnetlink';
  try {
    await using socket = await NetlinkSocket.open({ protocol: NETLINK_ROUTE, timeout: 2000 });
    // struct rtmsg: AF_INET, dst_len 0, src_len 1.
    const payload = new Uint8Array(12);
    payload[0] = 2;
    payload[2] = 1;
    await socket.dumpAll({ type: RTM_GETROUTE, payload });
    return {
      name,
      status: 'fails',
      value: 'opens, but requests are not checked strictly',
      facts: { strict: false },
      wontWork: ['Filtered lists: this kernel ignores filters of dumps (NETLINK_GET_STRICT_CHK).'],
    };
  } catch (error) {
    if ((error as { code?: unknown }).code === 'EINVAL') {
      return { name, status: 'ok', value: 'opens, requests are checked strictly', facts: { strict: true } };
    }
    return {
      name,
      status: 'fails',
      value: messageOf(error),
      wontWork: [`Listing anything: a NETLINK_ROUTE socket fails with ${messageOf(error)}.`],
    };
  }
}

export async function checkNetns(userNamespaces: boolean): Promise<Check> {
  const name = 'network namespaces';
  try {
    await using own = await Netns.current();
    await using made = await Netns.create();
    return {
      name,
      status: 'ok',
      value: `can be made and entered; this process is in net:[${own.inode}]`,
      facts: { create: true, current: own.inode, made: made.inode },
    };
  } catch (error) {
    return {
      name,
      status: userNamespaces ? 'limited' : 'fails',
      value: `cannot be made: ${messageOf(error)}`,
      facts: { create: false },
      wontWork: [
        `Netns.create(), and sockets in other namespaces: ${messageOf(error)}${
          userNamespaces ? '; inside a user namespace they work' : ''
        }.`,
      ],
    };
  }
}

export async function checkLinkKinds(mayProbe: boolean): Promise<Check> {
  const kinds = await linkKinds(mayProbe);
  const of = (wanted: string) => [...kinds].filter(([, status]) => status === wanted).map(([kind]) => kind);
  const [yes, module, no, unknown] = [of('yes'), of('module'), of('no'), of('unknown')];
  const parts = [yes.join(' ') || 'none'];
  if (module.length > 0) parts.push(`loaded on demand: ${module.join(' ')}`);
  if (unknown.length > 0) parts.push(`cannot tell: ${unknown.join(' ')}`);
  return {
    name: 'link kinds',
    status: no.length > 0 ? 'limited' : 'ok',
    value: parts.join('; '),
    facts: { ...Object.fromEntries(kinds) },
    ...(no.length > 0 && { wontWork: [`Links of kind ${no.join(', ')}: this kernel has none of them.`] }),
  };
}
