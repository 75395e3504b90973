/** The tables of a system's address translation, in the namespace of the host. They end with their owner. */
import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidArgumentError, SystemError } from '../handle/errors.ts';
import { NetlinkError } from '../netlink/error.ts';
import type { RequestOptions } from '../netlink/socket.ts';
import type { NetnsReference } from '../netns/index.ts';
import type { NftChange } from '../nftables/changes.ts';
import type { NftTable } from '../nftables/objects.ts';
import { NftablesSocket } from '../nftables/socket.ts';
import { identityRecord, type ProcessIdentity, parseIdentityRecord } from '../process/identity.ts';
import type { ForwardSpec, VethSpec } from './config/spec.ts';
import { natRules } from './nat-rules.ts';

const FAMILY = 'inet';
/** In front of the names of all tables that are made here. It narrows a search, and proves nothing. */
const NAME_PREFIX = 'cofferdam-';
/** The type of the note, unknown to `nft`, that says who made a table. */
const IDENTITY = 0xcd;

/**
 * Milliseconds. The kernel takes back the memory of a table a grace period of RCU after its removal, and close(2) of the
 * socket that owned it waits for that: on the event loop, ten milliseconds and more.
 */
const GRACE = 20;

export interface NatOptions {
  readonly hostNetns: NetnsReference | undefined;
  readonly network: VethSpec;
  /** Of the system. */
  readonly name: string;
  /** Unique on this host. */
  readonly unique: string;
  readonly localnet: boolean;
}

/** Who made a table; undefined for one of somebody else's. */
export function tableIdentity({ name, userdata }: NftTable): ProcessIdentity | undefined {
  const note = userdata?.notes?.find(({ type }) => type === IDENTITY);
  if (!name.startsWith(NAME_PREFIX) || note === undefined) return undefined;
  return parseIdentityRecord(Buffer.from(note.hex, 'hex').toString());
}

const codeOf = (error: unknown): string | undefined =>
  error instanceof SystemError ? error.code : undefined;

/**
 * A table for the system's rules, and an empty one for each port that is forwarded: as a name is given once, no other
 * system can forward that port, whoever owns it.
 *
 * They belong to a socket (NFT_TABLE_F_OWNER), and the kernel removes them when that is closed, however this process ends.
 * Before Linux 5.12 they stay behind a process that is killed, with its identity on them.
 */
export class NatTable {
  readonly name: string;
  /** Whether the kernel removes it with its owner. */
  readonly owned: boolean;
  readonly #socket: NftablesSocket;
  readonly #names: readonly string[];
  #removedAt = Number.NEGATIVE_INFINITY;

  private constructor(socket: NftablesSocket, names: readonly string[], owned: boolean) {
    this.#socket = socket;
    this.#names = names;
    this.name = names[0] as string;
    this.owned = owned;
  }

  /** All of it or nothing. @throws InvalidArgumentError for a port that is taken */
  static async create(options: NatOptions, request: RequestOptions): Promise<NatTable> {
    const { hostNetns, network, unique, localnet } = options;
    const table = `${NAME_PREFIX}${unique}`;
    const names = [table, ...new Set(network.forwards.map(portName))];
    const rules = natRules({ table, network, localnet });
    const socket = await NftablesSocket.open(hostNetns === undefined ? {} : { netns: hostNetns });
    try {
      const owned = await apply(
        socket,
        [...names.map((name) => tableFor(name, options.name)), ...rules],
        request,
      );
      return new NatTable(socket, names, owned);
    } catch (error) {
      // EPERM for one that belongs to somebody.
      const exists = codeOf(error) === 'EEXIST' || codeOf(error) === 'EPERM';
      const taken = exists && (await takenPort(socket, network.forwards).catch(() => undefined));
      await socket[Symbol.asyncDispose]();
      throw taken || error;
    }
  }

  /** At once; close() has to follow. Does nothing the second time. */
  async remove(): Promise<void> {
    if (this.#socket.state !== 'open') return;
    try {
      await this.#socket.apply(this.#names.map((name) => ({ del: { table: { family: FAMILY, name } } })));
    } catch (error) {
      // Somebody has flushed what the kernel did not keep for us.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
    this.#removedAt = performance.now();
  }

  async close(): Promise<void> {
    const left = this.#removedAt + GRACE - performance.now();
    if (left > 0) await sleep(left);
    await this.#socket[Symbol.asyncDispose]();
  }
}

/** True if the tables belong to the socket. */
async function apply(
  socket: NftablesSocket,
  changes: readonly NftChange[],
  request: RequestOptions,
): Promise<boolean> {
  try {
    await socket.apply(changes, request);
    return true;
  } catch (error) {
    // Kernels before 5.12 know no such flag.
    if (!(error instanceof NetlinkError) || error.syscall !== 'NFT_MSG_NEWTABLE' || error.code !== 'EINVAL')
      throw error;
  }
  await socket.apply(changes.map(withoutOwner), request);
  return false;
}

function withoutOwner(change: NftChange): NftChange {
  if (!('add' in change) || change.add.table === undefined) return change;
  const { flags: _, ...table } = change.add.table;
  return { add: { table } };
}

function tableFor(name: string, system: string): NftChange {
  const identity = JSON.stringify(identityRecord());
  const notes = [{ type: IDENTITY, hex: Buffer.from(identity).toString('hex') }];
  const userdata = { comment: `cofferdam ${system}`, notes };
  return { add: { table: { family: FAMILY, name, flags: ['owner'], userdata } } };
}

function portName({ protocol, hostAddress = 'any', hostPort }: ForwardSpec): string {
  return `${NAME_PREFIX}${protocol}-${hostAddress.replaceAll(':', '_')}-${hostPort}`;
}

async function takenPort(
  socket: NftablesSocket,
  forwards: readonly ForwardSpec[],
): Promise<InvalidArgumentError | undefined> {
  const tables = new Set((await socket.tables({ family: FAMILY })).map(({ name }) => name));
  const index = forwards.findIndex((forward) => tables.has(portName(forward)));
  if (index < 0) return undefined;
  return new InvalidArgumentError(
    `network.forwards[${index}].hostPort`,
    forwards[index]?.hostPort,
    'is forwarded to another system',
    'another port',
  );
}
