import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import type { HandleState } from '../handle/handle-info.ts';
import {
  NETLINK_GENERIC,
  type NetlinkMessage,
  NetlinkSocket,
  type RequestOptions,
} from '../netlink/socket.ts';
import type { NetnsReference } from '../netns/index.ts';
import {
  CONTROLLER_ID,
  controller,
  type Family,
  type FamilyPolicy,
  familyOf,
  policyOf,
} from './controller.ts';
import { EthtoolService } from './ethtool/service.ts';
import {
  type CommandDefinition,
  type CommandOf,
  decodeGeneric,
  encodeGeneric,
  type FamilyDefinition,
  genlmsghdr,
  type ReplyOf,
  type RequestOf,
} from './message.ts';

export interface GenericSocketOptions {
  /** The network namespace to work in. Default: the process's own. */
  netns?: NetnsReference;
  /** Deadline of each call in milliseconds, unless the call gives its own. Default 5000. */
  timeout?: number;
  /** SO_RCVBUF in bytes. Default: the kernel's. */
  receiveBuffer?: number;
  /** Gives the opening up. */
  signal?: AbortSignal;
}

/** News of a family. */
export interface GenericNotification {
  /** The command's number, in the numbers that the family has for what the kernel says. */
  readonly command: number;
  /** The message: struct genlmsghdr, then attributes. */
  readonly payload: Uint8Array;
}

const OPTIONS: ReadonlySet<string> = new Set<keyof GenericSocketOptions>([
  'netns',
  'timeout',
  'receiveBuffer',
  'signal',
]);

/**
 * A socket of generic netlink (uapi/linux/genetlink.h): the controller, ethtool, and any family that you describe with
 * {@link defineFamily}. Closing it rejects what is pending with a ClosedError.
 */
export class GenericSocket implements Disposable, AsyncDisposable {
  readonly #netlink: NetlinkSocket;
  /** Numbers of families: given when a module is loaded, and gone with it. */
  readonly #families = new Map<string, Family>();
  /** Speed, rings, features, ... of links. man 8 ethtool. */
  readonly ethtool: EthtoolService;

  private constructor(netlink: NetlinkSocket) {
    this.#netlink = netlink;
    this.ethtool = new EthtoolService(this);
  }

  /** Opens a socket. Rejects with a SystemError (EMFILE, ENOENT of the netns, EPERM to enter it, ...) and keeps nothing. */
  static async open(options: GenericSocketOptions = {}): Promise<GenericSocket> {
    for (const field of Object.keys(options))
      if (!OPTIONS.has(field))
        throw new InvalidArgumentError(
          field,
          options[field as keyof GenericSocketOptions],
          'is no option',
          [...OPTIONS].join(', '),
        );
    return new GenericSocket(await NetlinkSocket.open({ ...options, protocol: NETLINK_GENERIC }));
  }

  get kind(): string {
    return this.#netlink.kind;
  }
  /** The fd's number, -1 from close() on. */
  get fd(): number {
    return this.#netlink.fd;
  }
  get state(): HandleState {
    return this.#netlink.state;
  }
  /** Resolves when nothing of the socket is left. */
  get closed(): Promise<void> {
    return this.#netlink.closed;
  }

  /** All families that the kernel has now. */
  async families(options: RequestOptions = {}): Promise<Family[]> {
    const replies = await this.#replies(CONTROLLER_ID, controller, 'getFamily', {}, true, options);
    return replies.map(familyOf).filter((family) => family !== undefined);
  }

  /** One family by name. Rejects with ENOENT where the kernel has none of that name, not even in a module. */
  async family(name: string, options: RequestOptions = {}): Promise<Family> {
    const [reply] = await this.#replies(CONTROLLER_ID, controller, 'getFamily', { name }, false, options);
    const family = reply && familyOf(reply);
    if (family === undefined) throw new SystemError(-2, 'CTRL_CMD_GETFAMILY', { family: name });
    this.#families.set(name, family);
    return family;
  }

  /** What the kernel takes for a family's requests, as it checks them. Linux 5.10. */
  async policy(name: string, options: RequestOptions = {}): Promise<FamilyPolicy> {
    return policyOf(await this.#replies(CONTROLLER_ID, controller, 'getPolicy', { name }, true, options));
  }

  /** Asks once. Resolves with the replies before the acknowledgement: none, one, rarely more. */
  async request<F extends FamilyDefinition, C extends CommandOf<F>>(
    family: F,
    command: C,
    value: RequestOf<F, C>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<F, C>[]> {
    return this.#ask(family, command, value, false, options);
  }

  /** All replies of a dump; repeated where changes disturbed it, as NetlinkSocket.dumpAll. */
  async dump<F extends FamilyDefinition, C extends CommandOf<F>>(
    family: F,
    command: C,
    value: RequestOf<F, C>,
    options: RequestOptions = {},
  ): Promise<ReplyOf<F, C>[]> {
    return this.#ask(family, command, value, true, options);
  }

  /** Joins a multicast group of a family by its name. Rejects where the family or the group is not there. */
  async join(family: string, group: string, options: RequestOptions = {}): Promise<void> {
    const { groups } = await this.#familyOf(family, options);
    const found = groups.find(({ name }) => name === group);
    if (found === undefined)
      throw new InvalidArgumentError(
        'group',
        group,
        `is no group of ${family}`,
        groups.length === 0 ? 'none: it has no groups' : groups.map(({ name }) => name).join(', '),
      );
    this.#netlink.joinGroup(found.id);
  }

  /** Calls `listener` for each message of the joined groups of this family. Returns what takes it off again. */
  onNotification(family: string, listener: (notification: GenericNotification) => void): () => void {
    return this.#netlink.onNotification(({ type, payload }) => {
      if (this.#families.get(family)?.id !== type || payload.length < genlmsghdr.size) return;
      listener({ command: payload[0] ?? 0, payload });
    });
  }

  /** Keeps the event loop alive until unref(), for who waits for news. */
  ref(): void {
    this.#netlink.ref();
  }
  unref(): void {
    this.#netlink.unref();
  }

  /** Idempotent: `fd` reads -1 at once, what is pending rejects with a ClosedError. */
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

  async #familyOf(name: string, options: RequestOptions): Promise<Family> {
    return this.#families.get(name) ?? (await this.family(name, options));
  }

  async #ask<F extends FamilyDefinition, C extends CommandOf<F>>(
    family: F,
    command: C,
    value: RequestOf<F, C>,
    dump: boolean,
    options: RequestOptions,
  ): Promise<ReplyOf<F, C>[]> {
    const known = this.#families.get(family.name);
    const { id } = known ?? (await this.family(family.name, options));
    try {
      return await this.#replies(id, family, command, value, dump, options);
    } catch (error) {
      // The module was taken out, and put in again under another number: that was nobody's message type, or another's.
      if (known === undefined || !(error instanceof SystemError) || error.code !== 'ENOENT') throw error;
      const renewed = await this.family(family.name, options);
      if (renewed.id === id) throw error;
      return this.#replies(renewed.id, family, command, value, dump, options);
    }
  }

  async #replies<F extends FamilyDefinition, C extends CommandOf<F>>(
    type: number,
    family: F,
    command: C,
    value: RequestOf<F, C>,
    dump: boolean,
    options: RequestOptions,
  ): Promise<ReplyOf<F, C>[]> {
    const definition = commandOf(family, command);
    const request = {
      type,
      payload: encodeGeneric(family, definition, value),
      names: { name: definition.name, headerSize: genlmsghdr.size, attributes: definition.request },
    };
    const messages: NetlinkMessage[] = dump
      ? await this.#netlink.dumpAll(request, options)
      : await this.#netlink.request(request, options);
    return messages
      .filter((message) => message.type === type)
      .map((message) => decodeGeneric(definition.reply, message.payload).value as ReplyOf<F, C>);
  }
}

function commandOf(family: FamilyDefinition, command: string): CommandDefinition {
  const definition = Object.hasOwn(family.commands, command) ? family.commands[command] : undefined;
  if (definition === undefined)
    throw new InvalidArgumentError(
      'command',
      command,
      `is no command of ${family.name}`,
      Object.keys(family.commands).join(', '),
    );
  return definition;
}
