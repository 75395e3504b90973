import { InvalidArgumentError } from '../handle/errors.ts';
import type { HandleState } from '../handle/handle-info.ts';
import { NETLINK_NETFILTER, NetlinkSocket, type RequestOptions } from '../netlink/socket.ts';
import { encodePayload } from '../netlink/wire/attributes.ts';
import type { NetnsReference } from '../netns/index.ts';
import { encodeBatch, type NftChange } from './changes.ts';
import { messageType, type NftFamily, nfgenmsg } from './header.ts';
import {
  chainKind,
  type NftChain,
  type NftRule,
  type NftTable,
  type ObjectKind,
  ruleKind,
  tableKind,
} from './objects.ts';

export interface NftablesSocketOptions {
  /** The network namespace to work in. Default: the process's own. */
  netns?: NetnsReference;
  /** Deadline of each call in milliseconds, unless the call gives its own. Default 5000. */
  timeout?: number;
  /** Gives the opening up. */
  signal?: AbortSignal;
}

const OPTIONS: readonly string[] = ['netns', 'timeout', 'signal'];

/** Which chains or rules: all conditions hold. */
export interface NftFilter {
  family?: NftFamily;
  table?: string;
  chain?: string;
}
const FILTERS: readonly string[] = ['family', 'table', 'chain'];

/**
 * A socket of nftables (man 8 nft): tables, chains and rules of one network namespace. A table that it makes with the flag
 * `owner` is its own, and ends with it, even if this process is killed.
 */
export class NftablesSocket implements Disposable, AsyncDisposable {
  readonly #netlink: NetlinkSocket;

  private constructor(netlink: NetlinkSocket) {
    this.#netlink = netlink;
  }

  /** Opens a socket. Rejects with a SystemError (EMFILE, EPROTONOSUPPORT, EPERM to enter the netns, ...) and keeps nothing. */
  static async open(options: NftablesSocketOptions = {}): Promise<NftablesSocket> {
    refuseUnknown(options, OPTIONS, 'option');
    return new NftablesSocket(await NetlinkSocket.open({ ...options, protocol: NETLINK_NETFILTER }));
  }

  get kind(): string {
    return this.#netlink.kind;
  }
  /** The fd's number, -1 from close() on. */
  get fd(): number {
    return this.#netlink.fd;
  }
  /** What tables that belong to this socket have as their `owner`. */
  get portId(): number {
    return this.#netlink.portId;
  }
  get state(): HandleState {
    return this.#netlink.state;
  }
  /** Resolves when nothing of the socket is left. */
  get closed(): Promise<void> {
    return this.#netlink.closed;
  }

  /**
   * Carries out all of these changes, in their order, or none of them: nobody sees what is in between. Rejects with the
   * NetlinkError of the first that the kernel refuses, EPERM without CAP_NET_ADMIN, EOPNOTSUPP without nftables.
   *
   * ```ts
   * await nft.apply([
   *   { add: { table: { family: 'inet', name: 'mine', flags: ['owner'] } } },
   *   { add: { chain: { family: 'inet', table: 'mine', name: 'out', type: 'nat', hook: 'postrouting', priority: 100 } } },
   *   { add: { rule: { family: 'inet', table: 'mine', chain: 'out', expressions: [{ masq: {} }] } } },
   * ]);
   * ```
   */
  async apply(changes: readonly NftChange[], options: RequestOptions = {}): Promise<void> {
    const request = encodeBatch(changes);
    if (changes.length > 0) await this.#netlink.request(request, options);
  }

  async tables(filter: Pick<NftFilter, 'family'> = {}, options: RequestOptions = {}): Promise<NftTable[]> {
    return this.#list(tableKind, filter, options);
  }

  async chains(filter: Omit<NftFilter, 'chain'> = {}, options: RequestOptions = {}): Promise<NftChain[]> {
    const chains = await this.#list(chainKind, filter, options);
    return chains.filter(({ table }) => filter.table === undefined || table === filter.table);
  }

  /** In their order, chain by chain. */
  async rules(filter: NftFilter = {}, options: RequestOptions = {}): Promise<NftRule[]> {
    const { table, chain } = filter;
    const rules = await this.#list(ruleKind, filter, options);
    return rules.filter(
      (rule) =>
        (table === undefined || rule.table === table) && (chain === undefined || rule.chain === chain),
    );
  }

  /** Idempotent: `fd` reads -1 at once, what is pending rejects with a ClosedError, tables of its own are gone. */
  close(): void {
    this.#netlink.close();
  }
  [Symbol.dispose](): void {
    this.close();
  }
  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  /** Kernels filter by different fields: by what they all do, the family, and the rest is for the caller. */
  async #list<T extends { family: NftFamily }>(
    kind: ObjectKind<T>,
    filter: NftFilter,
    options: RequestOptions,
  ): Promise<T[]> {
    refuseUnknown(filter, FILTERS, 'filter');
    const { family } = filter;
    const request = {
      type: messageType(kind.new + 1),
      payload: encodePayload((writer) => nfgenmsg.encode(writer, family === undefined ? {} : { family })),
      names: {
        name: `NFT_MSG_GET${kind.word}`,
        headerSize: nfgenmsg.size,
        attributes: kind.attributes,
      },
    };
    const messages = await this.#netlink.dumpAll(request, options);
    return messages
      .filter(({ type }) => type === messageType(kind.new))
      .map(({ payload }) => kind.decode(payload));
  }
}

function refuseUnknown(value: object, known: readonly string[], what: string): void {
  for (const [field, one] of Object.entries(value))
    if (!known.includes(field)) throw new InvalidArgumentError(field, one, `is no ${what}`, known.join(', '));
}
