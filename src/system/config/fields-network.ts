/** network: none, the host's, or a link to a bridge. */
import { InvalidArgumentError } from '../../handle/index.ts';
import { checkLinkName } from '../../route/link-check.ts';
import { familyOf, hostAddress, linkAddress, network as networkPrefix } from './addresses.ts';
import type { ForwardConfig, NetworkConfig, RouteConfig } from './config.ts';
import {
  type FieldsOf,
  field,
  type Kind,
  listOf,
  mapped,
  object,
  oneOrSeveral,
  optional,
  required,
  textOr,
  word,
} from './kind.ts';
import { nearest } from './nearest.ts';
import { MisspeltError } from './place.ts';
import type { ForwardSpec, NetworkSpec, RouteSpec } from './spec.ts';
import { flag, integer } from './values.ts';

const linkName: Kind<string> = {
  schema: { type: 'string', pattern: '^[^\\s/:]{1,15}$' },
  read(value, at) {
    // undefined passes there, for a link may have no name yet.
    checkLinkName(value ?? null, at.field);
    return value as string;
  },
};

const routeObject: Kind<RouteSpec> = object({
  dst: required(networkPrefix, 'Where it leads.'),
  via: optional(hostAddress, 'The next router. On the link itself where left out.'),
} satisfies FieldsOf<RouteConfig>);

const routeText: Kind<RouteSpec> = {
  schema: { type: 'string', pattern: '^\\S+( +via +\\S+)?$' },
  read(value, at) {
    const [dst, keyword, via, ...more] = typeof value === 'string' ? value.trim().split(/\s+/) : [];
    if (dst === undefined || more.length > 0 || (keyword !== undefined && (keyword !== 'via' || !via))) {
      const remedy = "'10.2.0.0/16 via 10.1.0.9', '10.3.0.0/16', or { dst, via }";
      throw new InvalidArgumentError(at.field, value, 'is no route', remedy);
    }
    return {
      dst: networkPrefix.read(dst, at),
      via: via === undefined ? undefined : hostAddress.read(via, at),
    };
  },
};

const PROTOCOLS = ['tcp', 'udp'] as const;
const port = integer(1, 65_535);

const forwardObject: Kind<ForwardSpec> = mapped(
  object({
    protocol: field(word(PROTOCOLS), 'tcp', 'Of the transport.'),
    host_address: optional(hostAddress, 'Of the host. All of them where left out.'),
    host_port: required(port, 'On the host.'),
    port: required(port, 'Inside.'),
  } satisfies FieldsOf<ForwardConfig>),
  ({ protocol, host_address: hostAddress, host_port: hostPort, port }) => ({
    protocol,
    hostAddress,
    hostPort,
    port,
  }),
);

const FORWARD_FORM =
  "'8080:80/tcp' (host, inside), '127.0.0.1:8080:80', '[::1]:8080:80/udp', or { host_port, port, protocol, host_address }";

const forwardText: Kind<ForwardSpec> = {
  schema: { type: 'string', pattern: '^((\\[[0-9A-Fa-f.:]+\\]|[0-9.]+):)?\\d+:\\d+(/(tcp|udp))?$' },
  read(value, at) {
    const parts =
      typeof value === 'string' ? /^(?:(\[.*\]|[^:]*):)?(\d+):(\d+)(?:\/(.*))?$/.exec(value) : null;
    if (parts === null) throw new InvalidArgumentError(at.field, value, 'is no forward', FORWARD_FORM);
    const [, address, host, inside, given = 'tcp'] = parts;
    const protocol = PROTOCOLS.find((one) => one === given);
    if (protocol === undefined) {
      const guess = nearest(given, PROTOCOLS);
      const problem = `has a protocol that is none: '${given}'`;
      throw new MisspeltError(at.field, value, problem, FORWARD_FORM, guess);
    }
    return {
      protocol,
      hostAddress:
        address === undefined ? undefined : hostAddress.read(address.replace(/^\[(.*)\]$/, '$1'), at),
      hostPort: port.read(Number(host), at),
      port: port.read(Number(inside), at),
    };
  },
};

/** IPV4_MIN_MTU, and the most that a veth takes. */
const mtu = integer(68, 65_535);

const veth = object({
  bridge: required(linkName, 'The bridge of the host that the link is put into.'),
  address: required(
    oneOrSeveral(linkAddress, 'addresses', (address) => address),
    "Addresses of the link inside, with the length of the prefix: '10.1.0.2/24'.",
  ),
  gateway: field(
    oneOrSeveral(hostAddress, 'addresses', familyOf),
    [],
    'The default route, one for each family at most.',
  ),
  routes: field(
    listOf(textOr(routeText, routeObject), 'routes', ({ dst }) => dst),
    [],
    "Other routes: '10.2.0.0/16 via 10.1.0.9'.",
  ),
  nat: field(flag, false, 'Whether what leaves the host takes the address of the host.'),
  forwards: field(
    listOf(textOr(forwardText, forwardObject), 'forwards'),
    [],
    "Ports of the host that lead inside: '8080:80/tcp', '127.0.0.1:8080:80'.",
  ),
  mtu: optional(mtu, 'Of the link. That of the bridge where left out.'),
} satisfies FieldsOf<NetworkConfig>);

const kindWord = word(['none', 'host']);

export const network: Kind<NetworkSpec> = {
  schema: { anyOf: [kindWord.schema, veth.schema] },
  read(value, at) {
    if (typeof value === 'object' && value !== null) return { kind: 'veth', ...veth.read(value, at) };
    try {
      return { kind: kindWord.read(value, at) };
    } catch (error) {
      if (!(error instanceof MisspeltError)) throw error;
      const remedy = "'none', 'host', or { bridge, address, ... }";
      throw new MisspeltError(at.field, value, 'is no network', remedy, error.nearest);
    }
  },
};
