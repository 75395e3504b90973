import type { MessageSink } from './message.ts';

/** A request from its entry into the protocol to its end. */
export interface Pending {
  readonly seq: number;
  /** How many were entered before it: sequence numbers wrap around. */
  readonly order: number;
  /** Sequence numbers of the messages that follow in its datagram. */
  readonly parts: readonly number[];
  readonly bytes: Uint8Array;
  readonly dump: boolean;
  readonly single: boolean;
  readonly aside: boolean;
  readonly sink: MessageSink | undefined;
  sent: boolean;
  /** A thread is sending it: the kernel may not have it yet, or may never. */
  underway: boolean;
  /** Nobody waits any more: its answer is swallowed. */
  abandoned: boolean;
  interrupted: boolean;
  /** Sent before an overrun, and nothing heard since. */
  suspect: boolean;
  /** Part of what it got is lost for certain: it cannot end well. */
  damaged: boolean;
}
