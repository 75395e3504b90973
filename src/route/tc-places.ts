/** Where filters and chains hang: the kernel dumps those of one place only. */
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { WireView } from '../netlink/wire/view.ts';
import { classType } from './class.ts';
import { parentHandle } from './filter-message.ts';
import type { ObjectType } from './object.ts';
import { qdiscType } from './qdisc.ts';
import { formatClassId } from './tc-handle.ts';
import { tcmsg } from './tc-message.ts';

/** A place, or what is said of one. */
export interface TcPlace {
  ifindex?: number;
  block?: number;
  parent?: string;
}

/** TC_H_MAJ of clsact and ingress: the places of both have a name. */
const CLSACT_MAJOR = 0xffff;

/**
 * The same wish for each place that it means. Filters hang on disciplines and on classes; where no place is said, all of
 * the link, or of all links, are meant.
 */
export async function eachPlace<Wish extends TcPlace>(
  port: RequestPort,
  wish: Wish,
  options: RequestOptions,
): Promise<Wish[]> {
  if (wish.block !== undefined) return [wish];
  if (wish.ifindex !== undefined && wish.parent !== undefined) return [wish];
  const places: Wish[] = [];
  for (const { ifindex, handle } of await headers(port, qdiscType, {}, options)) {
    if (handle === 0 || (wish.ifindex !== undefined && ifindex !== wish.ifindex)) continue;
    const add = (parent: string) => {
      if (wish.parent === undefined || parentHandle('parent', parent) === parentHandle('parent', wish.parent))
        places.push({ ...wish, ifindex, parent });
    };
    if (handle >>> 16 === CLSACT_MAJOR) {
      add('ingress');
      add('egress');
      continue;
    }
    if (wish.parent === 'root') {
      places.push({ ...wish, ifindex });
      continue;
    }
    add(formatClassId(handle));
    for (const one of await headers(port, classType, { ifindex, parent: handle }, options))
      add(formatClassId(one.handle));
  }
  return places;
}

async function headers(
  port: RequestPort,
  type: Pick<ObjectType<object>, 'messages'>,
  header: { ifindex?: number; parent?: number },
  options: RequestOptions,
): Promise<{ ifindex: number; handle: number }[]> {
  const payload = encodePayload((writer) => tcmsg.encode(writer, header));
  const messages = await port.dumpAll({ type: type.messages.get, payload }, options);
  return messages
    .filter((message) => message.type === type.messages.new)
    .map((message) => tcmsg.decodeAt(new WireView(message.payload), 0));
}
