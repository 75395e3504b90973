import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import { defined } from './defined.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import {
  checkQdisc,
  decodeQdisc,
  encodeQdisc,
  encodeQdiscReference,
  type Qdisc,
  type QdiscInput,
} from './qdisc-message.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';
import { classId, formatClassId, formatQdiscHandle, PARENT_WORDS, qdiscHandle } from './tc-handle.ts';
import { tcAttributes, tcmsg } from './tc-message.ts';
import { namingOf } from './tc-object.ts';

export type { Qdisc, QdiscInput } from './qdisc-message.ts';

/** Which disciplines to list: those that have all of this. The kernel filters none of it. */
export interface QdiscFilter {
  /** A link: its name or its index. */
  dev?: LinkReference;
  ifindex?: number;
  kind?: string;
  handle?: string;
  parent?: string;
  /** Those that the kernel made by itself for classes, too. Default false. */
  invisible?: boolean;
}

const FILTERS: ReadonlySet<string> = new Set<keyof QdiscFilter>([
  'dev',
  'ifindex',
  'kind',
  'handle',
  'parent',
  'invisible',
]);

/** RTNLGRP_TC: disciplines, classes, filters. */
export const TC_GROUP = 4;

export const qdiscType: ObjectType<Qdisc> = {
  name: 'qdisc',
  messages: { new: 36, del: 37, get: 38 },
  groups: [TC_GROUP],
  headerSize: tcmsg.size,
  attributes: namingOf('qdisc'),
  decode: decodeQdisc,
  // Those that the kernel made by itself all have handle 0, each at a place of its own.
  key: ({ ifindex, handle, parent }) => `${ifindex} ${handle} ${parent}`,
  volatile: ['stats', 'refcnt'],
};

const ENOENT = 2;

/**
 * Queueing disciplines: `rt.qdisc`. man 8 tc. Rates are in bytes per second, sizes in bytes, times in microseconds,
 * probabilities from 0 to 1; handles are strings as `tc` has them.
 *
 * ```ts
 * await rt.qdisc.add({ dev: 'eth0', parent: 'root', handle: '1:', kind: 'htb', htb: { default: '0x30' } });
 * ```
 */
export class QdiscService extends ObjectService<Qdisc, QdiscFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(qdiscType, port, names);
  }

  protected override async resolve(filter: QdiscFilter, options: RequestOptions): Promise<QdiscFilter> {
    refuseUnknownFields(filter, FILTERS, {}, '', 'filter');
    const { dev, ifindex, handle, parent, ...rest } = filter;
    return {
      ...rest,
      ...defined({ ifindex: dev === undefined ? ifindex : await this.names.index(dev, 'dev', options) }),
      ...(handle === undefined ? {} : { handle: formatQdiscHandle(qdiscHandle('handle', handle)) }),
      ...(parent === undefined ? {} : { parent: formatClassId(classId('parent', parent, PARENT_WORDS)) }),
    };
  }

  protected override dumpPayload({ invisible, ifindex }: QdiscFilter): Uint8Array {
    return encodePayload((writer) => {
      tcmsg.encode(writer, defined({ ifindex }));
      tcAttributes.encode(writer, defined({ dumpInvisible: invisible }));
    });
  }

  protected override matches(qdisc: Qdisc, filter: QdiscFilter): boolean {
    const { ifindex, kind, handle, parent } = filter;
    return (
      (ifindex === undefined || qdisc.ifindex === ifindex) &&
      (kind === undefined || qdisc.kind === kind) &&
      (handle === undefined || qdisc.handle === handle) &&
      (parent === undefined || qdisc.parent === parent)
    );
  }

  protected override linksOf({ ifindex }: Qdisc): readonly number[] {
    return [ifindex];
  }

  protected override complete(qdisc: Qdisc, linkNames: ReadonlyMap<number, string>): Qdisc {
    const dev = linkNames.get(qdisc.ifindex);
    if (dev !== undefined) qdisc.dev = dev;
    return qdisc;
  }

  /** The first that fits, such as `{ dev: 'eth0', parent: 'root' }`. Rejects with ENOENT when there is none. */
  async get(filter: QdiscFilter, options: RequestOptions = {}): Promise<Qdisc> {
    const [qdisc] = await this.list(filter, options);
    if (qdisc === undefined) throw systemError(ENOENT, 'RTM_GETQDISC', { qdisc: filter });
    return qdisc;
  }

  /**
   * Adds a discipline at `parent`: `root`, `ingress`, or a class. EEXIST when there is one that somebody put there; one
   * that the kernel made by itself makes room. The kernel chooses a handle where none is given.
   */
  async add(qdisc: QdiscInput, options: RequestOptions = {}): Promise<void> {
    await this.write('add', await this.#payload(qdisc, true, options), options);
  }

  /** Adds a discipline, or changes the one there if it is of the same kind, or takes its place. */
  async replace(qdisc: QdiscInput, options: RequestOptions = {}): Promise<void> {
    await this.write('replace', await this.#payload(qdisc, true, options), options);
  }

  /**
   * Changes settings of the discipline there. Kinds whose settings are attributes (fq, fq_codel, cake, pie) keep those
   * that are not given; those with a struct (netem, tbf, prio, fifo, sfq, red) take all anew, as from `tc qdisc change`.
   * EOPNOTSUPP for kinds that cannot change.
   */
  async change(qdisc: QdiscInput, options: RequestOptions = {}): Promise<void> {
    await this.write('set', await this.#payload(qdisc, true, options), options);
  }

  /** Puts the discipline that has this handle at `parent` as well, in the place of what is there. */
  async link(qdisc: QdiscInput, options: RequestOptions = {}): Promise<void> {
    await this.write('change', await this.#payload(qdisc, false, options), options);
  }

  /** Removes the discipline at `parent`, with its classes and filters; ENOENT where there is none but the kernel's own. */
  async del(qdisc: QdiscInput, options: RequestOptions = {}): Promise<void> {
    checkQdisc(qdisc);
    await this.remove(encodeQdiscReference(await this.#located(qdisc, options)), options);
  }

  async #payload(qdisc: QdiscInput, whole: boolean, options: RequestOptions): Promise<Uint8Array> {
    checkQdisc(qdisc);
    if (whole && typeof qdisc.kind !== 'string')
      throw new InvalidArgumentError(
        'kind',
        qdisc.kind,
        'is no kind of discipline',
        'one, such as "fq_codel"',
      );
    return encodeQdisc(await this.#located(qdisc, options));
  }

  async #located(qdisc: QdiscInput, options: RequestOptions): Promise<QdiscInput & { ifindex: number }> {
    const link = qdisc.dev ?? qdisc.ifindex;
    if (link === undefined)
      throw new InvalidArgumentError('dev', link, 'is missing', 'the name or index of a link');
    return { ...qdisc, ifindex: await this.names.index(link, 'dev', options) };
  }
}
