import { InvalidArgumentError } from '../handle/errors.ts';
import type { RequestOptions, RequestPort } from '../netlink/socket.ts';
import { AF } from '../netlink/wire/address.ts';
import {
  BRIDGE_DETAILS,
  type BridgeCommand,
  type BridgePortLink,
  bridgeLinkAttributes,
  decodeBridgePort,
  encodeBridgeDump,
  encodeBridgePort,
} from './bridge-port-message.ts';
import { defined } from './defined.ts';
import { fieldWord } from './field-word.ts';
import { type BridgePort, bridgePort } from './kinds/bridge-port.ts';
import { ifinfomsg } from './link-attributes.ts';
import type { LinkNames, LinkReference } from './names.ts';
import type { ObjectType } from './object.ts';
import { refuseUnknownFields } from './route-words.ts';
import { ObjectService } from './service.ts';

export type {
  BridgeCommand,
  BridgePortLink,
  BridgePortMst,
  BridgePortTunnel,
  BridgePortVlan,
} from './bridge-port-message.ts';

export const bridgePortType: ObjectType<BridgePortLink> = {
  name: 'bridgePort',
  messages: { new: 16, del: 17, get: 18 },
  groups: [1], // RTNLGRP_LINK
  headerSize: ifinfomsg.size,
  attributes: bridgeLinkAttributes,
  concerns: (payload) => payload[0] === AF.bridge,
  decode: decodeBridgePort,
  key: ({ ifindex }) => String(ifindex),
  // It holds timers.
  volatile: ['bridgePort'],
};

/** Which ports to list: all conditions hold. The kernel filters by none. */
export interface BridgePortFilter {
  dev?: LinkReference;
  /** The bridge. */
  master?: LinkReference;
  /** With their VLANs and tunnels, those in a row put together; bridges are listed too then, with their own. */
  vlans?: boolean;
  /** With their states in the instances of MSTP. Linux 5.18. */
  mst?: boolean;
}
const FILTERS: ReadonlySet<string> = new Set<keyof BridgePortFilter>(['dev', 'master', 'vlans', 'mst']);

/** What to change of a port. */
export interface BridgePortChange {
  dev?: string;
  ifindex?: number;
  bridgePort?: BridgePort;
  mode?: 'veb' | 'vepa';
  mst?: { msti: number; state: string }[];
  /** For the bridge, for the link's own hardware, or for both. Default: the bridge; for `mode` the hardware. */
  command?: BridgeCommand | BridgeCommand[];
}
const FIELDS: ReadonlySet<string> = new Set<keyof BridgePortChange | keyof BridgePortLink>([
  'dev',
  'ifindex',
  'bridgePort',
  'mode',
  'mst',
  'command',
]);

const RTM_SETLINK = 19;

/** Ports as bridges see them: `rt.bridgePort`. man 8 bridge, "bridge link". */
export class BridgePortService extends ObjectService<BridgePortLink, BridgePortFilter> {
  constructor(port: RequestPort, names: LinkNames) {
    super(bridgePortType, port, names);
  }

  protected override async resolve(
    filter: BridgePortFilter,
    options: RequestOptions,
  ): Promise<BridgePortFilter> {
    refuseUnknownFields(filter, FILTERS, { br: 'the bridge as master' }, '', 'filter');
    const { dev, master } = filter;
    return {
      ...filter,
      ...(dev === undefined ? {} : { dev: await this.names.index(dev, 'dev', options) }),
      ...(master === undefined ? {} : { master: await this.names.index(master, 'master', options) }),
    };
  }

  protected override dumpPayload({ vlans, mst }: BridgePortFilter): Uint8Array {
    return encodeBridgeDump(
      (vlans === true ? BRIDGE_DETAILS.compressed : 0) | (mst === true ? BRIDGE_DETAILS.mst : 0),
    );
  }

  protected override matches(port: BridgePortLink, { dev, master }: BridgePortFilter): boolean {
    return (
      (dev === undefined || port.ifindex === dev) && (master === undefined || port.masterIndex === master)
    );
  }

  protected override linksOf(port: BridgePortLink): readonly number[] {
    const lower = port.linkNetnsid === undefined ? (port.linkIndex ?? 0) : 0;
    return [lower, port.masterIndex ?? 0, port.bridgePort?.backupPortIndex ?? 0].filter((index) => index > 0);
  }

  protected override complete(port: BridgePortLink, linkNames: ReadonlyMap<number, string>): BridgePortLink {
    const nameOf = (index: number | undefined) => (index === undefined ? undefined : linkNames.get(index));
    const backupPort = nameOf(port.bridgePort?.backupPortIndex);
    return {
      ...port,
      ...defined({
        link: port.linkNetnsid === undefined ? nameOf(port.linkIndex) : undefined,
        master: nameOf(port.masterIndex),
      }),
      ...(backupPort === undefined ? {} : { bridgePort: { ...port.bridgePort, backupPort } }),
    };
  }

  /** Changes a port. ENODEV or EOPNOTSUPP for a link that is none. */
  async set(change: BridgePortChange, options: RequestOptions = {}): Promise<void> {
    refuseUnknownFields(change, FIELDS, { self: "command: 'self'", hwmode: 'it as mode' }, '', 'change');
    const { dev, ifindex, mode, mst } = change;
    const link = dev ?? ifindex;
    if (link === undefined) throw new InvalidArgumentError('dev', dev, 'is missing', 'the name of the port');
    const settings = change.bridgePort ?? {};
    refuseUnknownFields(settings, bridgePort.fields, {}, 'bridgePort.');
    const asked = change.command ?? (mode === undefined ? [] : 'self');
    const commands = typeof asked === 'string' ? [asked] : asked;
    if (!Array.isArray(commands))
      throw new InvalidArgumentError('command', asked, 'is no list', 'self, master, or a list of both');
    for (const command of commands) fieldWord('command', command, ['self', 'master']);
    const { backupPort } = settings;
    const wire: BridgePort = { ...settings };
    delete wire.backupPort;
    if (backupPort !== undefined)
      wire.backupPortIndex = await this.names.index(backupPort, 'bridgePort.backupPort', options);
    const index = await this.names.index(link, 'dev', options);
    const payload = encodeBridgePort(index, wire, commands, defined({ mode, mst }));
    await this.port.request({ type: RTM_SETLINK, payload, name: 'RTM_SETLINK' }, options);
  }
}
