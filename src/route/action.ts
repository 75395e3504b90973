import { InvalidArgumentError, systemError } from '../handle/errors.ts';
import type { NetlinkMessage, NetlinkRequest, RequestOptions, RequestPort } from '../netlink/socket.ts';
import { attribute, attributeTable, encodePayload, writeAttribute } from '../netlink/wire/attributes.ts';
import { reserved, string, u8, u32 } from '../netlink/wire/codec.ts';
import { NLM_F } from '../netlink/wire/message.ts';
import { struct } from '../netlink/wire/struct.ts';
import { WireView } from '../netlink/wire/view.ts';
import { linksOfActions, nameActions, resolveActions } from './action-links.ts';
import { type Action, actionList } from './action-list.ts';
import { defined } from './defined.ts';
import type { LinkNames } from './names.ts';
import { VERB_FLAGS } from './service.ts';
import { wholeStruct } from './tc-struct.ts';

/** RTM_NEWACTION and its kin, uapi/linux/rtnetlink.h. */
export const ACTION_MESSAGES = { new: 48, del: 49, get: 50 } as const;

/** struct tcamsg. */
const tcamsg = struct('tcamsg', { family: u8, reserved: reserved(3) });

const TCA_ROOT_TAB = 1;
/** TCA_ROOT_*: several actions in one message. */
const rootAttributes = attributeTable('TCA_ROOT', {
  actions: actionList(TCA_ROOT_TAB, 'TCA_ROOT_TAB'),
  flags: attribute(2, 'TCA_ROOT_FLAGS', wholeStruct('nla_bitfield32', { value: u32, selector: u32 })),
  count: attribute(3, 'TCA_ROOT_COUNT', u32),
  timeDelta: attribute(4, 'TCA_ROOT_TIME_DELTA', u32),
});
/** More than 32 actions in a message of a dump. */
const LARGE_DUMP = { value: 1, selector: 1 } as const;

const referenceAttributes = attributeTable('TCA_ACT', {
  kind: attribute(1, 'TCA_ACT_KIND', string),
  index: attribute(3, 'TCA_ACT_INDEX', u32),
});

/** An action that stands by itself: its kind, and its number among those of the kind. */
export interface ActionReference {
  kind: string;
  index: number;
}

/** What one message tells. */
export interface ActionTable {
  actions: Action[];
  /** How many it says to hold, in a dump. */
  count?: number;
}

export function decodeActions(payload: Uint8Array): ActionTable {
  const view = new WireView(payload);
  const { actions = [], count } = rootAttributes.decode(view, tcamsg.size, view.length);
  return { actions, ...defined({ count }) };
}

/**
 * Actions that stand by themselves, for several filters to share: `rt.action`. A filter takes part in one by its kind and
 * index: `actions: [{ kind: 'police', index: 7 }]`. man 8 tc-actions.
 */
export class ActionService {
  readonly #port: RequestPort;
  readonly #names: LinkNames;

  constructor(port: RequestPort, names: LinkNames) {
    this.#port = port;
    this.#names = names;
  }

  /** All actions of a kind, those of filters too. */
  async list(kind: string, options: RequestOptions & { readonly since?: number } = {}): Promise<Action[]> {
    const tables = await this.tables(kind, options);
    return tables.flatMap(({ actions }) => actions);
  }

  /**
   * The same, message by message.
   *
   * @param since milliseconds: only actions that were used in that time
   */
  async tables(
    kind: string,
    { since, ...options }: RequestOptions & { readonly since?: number } = {},
  ): Promise<ActionTable[]> {
    const payload = encodePayload((writer) => {
      tcamsg.encode(writer, {});
      encodeReferences(writer, [{ kind }]);
      rootAttributes.encode(writer, { flags: LARGE_DUMP, ...defined({ timeDelta: since }) });
    });
    return await this.#named(await this.#port.dumpAll(request('get', payload), options), options);
  }

  /** One action. Rejects with ENOENT where there is none. */
  async get(reference: ActionReference, options: RequestOptions = {}): Promise<Action> {
    const messages = await this.#port.request(request('get', references([reference])), options);
    const [action] = (await this.#named(messages, options)).flatMap(({ actions }) => actions);
    // ENOENT.
    if (action === undefined) throw systemError(-2, 'RTM_GETACTION', { ...reference });
    return action;
  }

  /** Makes actions, all or none of them. EEXIST where an `index` is taken; without one the kernel chooses. */
  async add(actions: Action | readonly Action[], options: RequestOptions = {}): Promise<void> {
    await this.#write(VERB_FLAGS.add, actions, options);
  }

  /** Makes actions, or changes those with these indexes. */
  async replace(actions: Action | readonly Action[], options: RequestOptions = {}): Promise<void> {
    await this.#write(VERB_FLAGS.replace, actions, options);
  }

  /** Removes an action. EPERM while a filter is part of it. */
  async del(
    reference: ActionReference | readonly ActionReference[],
    options: RequestOptions = {},
  ): Promise<void> {
    const all = Array.isArray(reference)
      ? (reference as readonly ActionReference[])
      : [reference as ActionReference];
    await this.#port.request(request('del', references(all)), options);
  }

  /** Removes all actions of a kind that no filter is part of. */
  async flush(kind: string, options: RequestOptions = {}): Promise<void> {
    const payload = encodePayload((writer) => {
      tcamsg.encode(writer, {});
      encodeReferences(writer, [{ kind }]);
    });
    await this.#port.request({ ...request('del', payload), flags: NLM_F.root }, options);
  }

  async #write(flags: number, given: Action | readonly Action[], options: RequestOptions): Promise<void> {
    const list = Array.isArray(given) ? (given as readonly Action[]) : [given as Action];
    const actions = await resolveActions(this.#names, list, options);
    const payload = encodePayload((writer) => {
      tcamsg.encode(writer, {});
      rootAttributes.encode(writer, { actions });
    });
    await this.#port.request({ ...request('new', payload), flags }, options);
  }

  async #named(messages: readonly NetlinkMessage[], options: RequestOptions): Promise<ActionTable[]> {
    const tables = messages
      .filter(({ type }) => type === ACTION_MESSAGES.new || type === ACTION_MESSAGES.get)
      .map(({ payload }) => decodeActions(payload));
    const actions = tables.flatMap((table) => table.actions);
    const names = await this.#names.of(linksOfActions(actions), options);
    if (names !== undefined) nameActions(actions, names);
    return tables;
  }
}

function request(verb: keyof typeof ACTION_MESSAGES, payload: Uint8Array): NetlinkRequest {
  const name = `RTM_${verb.toUpperCase()}ACTION`;
  const names = { name, headerSize: tcamsg.size, attributes: rootAttributes };
  return { type: ACTION_MESSAGES[verb], payload, name, names, ...(verb === 'get' && { idempotent: true }) };
}

function references(list: readonly ActionReference[]): Uint8Array {
  return encodePayload((writer) => {
    tcamsg.encode(writer, {});
    for (const { index } of list)
      if (!Number.isInteger(index) || index < 0 || index > 0xffff_ffff)
        throw new InvalidArgumentError('index', index, 'is no action', 'its number');
    encodeReferences(writer, list);
  });
}

function encodeReferences(
  writer: Parameters<typeof tcamsg.encode>[0],
  list: readonly { kind: string; index?: number }[],
): void {
  writeAttribute(writer, TCA_ROOT_TAB, false, () => {
    for (const [i, { kind, index }] of list.entries()) {
      if (typeof kind !== 'string' || kind === '')
        throw new InvalidArgumentError('kind', kind, 'is no kind of action', 'one, such as gact');
      writeAttribute(writer, i + 1, false, () =>
        referenceAttributes.encode(writer, { kind, ...defined({ index }) }),
      );
    }
  });
}
