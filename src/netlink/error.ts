/** What can go wrong between a request and its answer. */
import { CofferdamError, errnoMessage, errnoName, SystemError } from '../handle/errors.ts';
import type { AttributePolicy, ExtAck } from './ext-ack.ts';
import type { NetlinkMessage, NetlinkRequest } from './message.ts';

/** Where and over what the kernel refused. */
export interface NetlinkErrorInfo {
  readonly request: NetlinkRequest;
  /** 'RTM_NEWLINK'; a number where nobody knows the name. */
  readonly name: string;
  readonly extAck?: ExtAck | undefined;
  /** Inode of the socket's network namespace, 0 where it is not known. */
  readonly netns?: number | undefined;
}

/**
 * The kernel refused a request. `code` is its errno's name; the message adds the kernel's own words and the
 * attribute it stumbled over, as in
 * `RTM_NEWLINK: Operation not supported (EOPNOTSUPP): Unknown device type (IFLA_LINKINFO.IFLA_INFO_KIND)`.
 */
export class NetlinkError extends SystemError {
  readonly nlmsgType: number;
  /** Empty where the kernel gave no reason. */
  readonly extAck: ExtAck;
  /** The request as it was asked. Not enumerable: consoles and logs would drown in its bytes. */
  declare readonly request: NetlinkRequest;

  constructor(errno: number, { request, name, extAck = {}, netns }: NetlinkErrorInfo) {
    const info = netns ? { netns } : {};
    super(errno, name, info, `${name}: ${describe(errno)}${explain(extAck)}`);
    this.nlmsgType = request.type;
    this.extAck = extAck;
    Object.defineProperty(this, 'request', { value: request, enumerable: false });
  }
}

function describe(errno: number): string {
  const words = errnoMessage(errno);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)} (${errnoName(errno)})`;
}

function explain({ message, attributePath, offset, missingType, policy }: ExtAck): string {
  const missing =
    missingType === undefined ? undefined : `missing ${attributePath ?? `attribute ${missingType}`}`;
  const offending = attributePath ?? (offset === undefined ? undefined : `byte ${offset} of the request`);
  const about = [missing ?? offending, policy && wanted(policy)].filter(Boolean).join(', ');
  const reason = message === undefined ? '' : `: ${message.replace(/\.$/, '')}`;
  return about === '' ? reason : `${reason} (${about})`;
}

function wanted(policy: AttributePolicy): string | undefined {
  const { type, min, max, minLength, maxLength, mask } = policy;
  if (min !== undefined && max !== undefined) return `${min} to ${max} wanted`;
  if (min !== undefined) return `at least ${min} wanted`;
  if (max !== undefined) return `at most ${max} wanted`;
  if (mask !== undefined) return `bits of 0x${mask.toString(16)} wanted`;
  if (minLength !== undefined && minLength === maxLength) return `${minLength} bytes wanted`;
  if (minLength !== undefined) return `at least ${minLength} bytes wanted`;
  if (maxLength !== undefined) return `at most ${maxLength} bytes wanted`;
  return type && `${type} wanted`;
}

/** Every attempt of a dump was disturbed by changes (NLM_F_DUMP_INTR): objects may be missing or told twice. */
export class DumpInterruptedError extends CofferdamError {
  /** What the last attempt brought. Empty for an iteration: its consumer has the messages. */
  declare readonly partial: readonly NetlinkMessage[];
  readonly attempts: number;

  constructor(name: string, attempts: number, partial: readonly NetlinkMessage[] = []) {
    const often = attempts === 1 ? 'was' : `was ${attempts} times`;
    super('ERR_COFFERDAM_DUMP_INTERRUPTED', `${name}: the dump ${often} interrupted by changes`);
    this.attempts = attempts;
    Object.defineProperty(this, 'partial', { value: partial, enumerable: false });
  }
}

/**
 * The kernel dropped datagrams because the receive buffer was full (ENOBUFS), and the answer may have been among
 * them. A request that changes something may have been carried out or not: look before asking again.
 */
export class OverrunError extends CofferdamError {
  constructor(name: string) {
    super(
      'ERR_COFFERDAM_OVERRUN',
      `${name}: the receive buffer overran and the answer may be lost; a larger receiveBuffer helps`,
    );
  }
}
