import type { ExtAck } from './ext-ack.ts';
import type { NetlinkMessage } from './message.ts';
import type { WireError } from './wire/view.ts';

/** What happened, in the order in which it did. `seq` is what `start` of the protocol returned. */
export type ProtocolEvent =
  | { readonly kind: 'message'; readonly seq: number; readonly message: NetlinkMessage }
  /** The dump's sink has got messages of this datagram. */
  | { readonly kind: 'progress'; readonly seq: number }
  /** The end: the dump's sink threw. */
  | { readonly kind: 'failed'; readonly seq: number; readonly error: unknown }
  /** The end, and a good one. `interrupted`: NLM_F_DUMP_INTR was seen. An ext-ack here is a warning. */
  | { readonly kind: 'done'; readonly seq: number; readonly interrupted: boolean; readonly extAck?: ExtAck }
  /** The end: the kernel refused. `errno` is negative; `part` says which of the request's parts, if it was one. */
  | {
      readonly kind: 'error';
      readonly seq: number;
      readonly errno: number;
      readonly extAck?: ExtAck;
      readonly part?: number;
    }
  /** The end: its answer, or part of it, may have been dropped. */
  | { readonly kind: 'lost'; readonly seq: number }
  /** A multicast message of a joined group, whoever caused it. */
  | { readonly kind: 'notification'; readonly group: number; readonly message: NetlinkMessage }
  /** The kernel dropped datagrams. */
  | { readonly kind: 'overrun' }
  /** A datagram, or what followed in it, was not netlink. */
  | { readonly kind: 'malformed'; readonly error: WireError };
