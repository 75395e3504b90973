import type { MessageSink } from './message.ts';
import { MESSAGE_HEADER, NLM_F, NLMSG } from './wire/message.ts';
import { firstHalf, type ReceiveBuffer, secondHalf } from './wire/receive-buffer.ts';
import { align } from './wire/view.ts';

/** A dump whose messages go to a sink. */
export interface SunkDump {
  readonly seq: number;
  /** NLM_F_DUMP_INTR was seen. */
  interrupted: boolean;
}

/**
 * Hands a sink the messages at the start of a datagram that are its own, which is nearly all that a long dump
 * brings: no copy, no object, no event. Returns where the first one starts that is something else, or not
 * well-formed, or `end`. Throws what the sink throws.
 */
export function feedSink(
  sink: MessageSink,
  dump: SunkDump,
  portId: number,
  buffer: ReceiveBuffer,
  start: number,
  end: number,
): number {
  const { words } = buffer;
  // The words are signed.
  const ownSeq = dump.seq | 0;
  const ownPort = portId | 0;
  let at = start;
  while (end - at >= MESSAGE_HEADER) {
    const word = at >> 2;
    const length = words[word] as number;
    if (length < MESSAGE_HEADER || length > end - at || words[word + 2] !== ownSeq) break;
    const port = words[word + 3];
    // Some protocols leave nlmsg_pid 0 in their answers.
    if (port !== ownPort && port !== 0) break;
    const kind = words[word + 1] as number;
    const type = firstHalf(kind);
    if (type < NLMSG.minType) break;
    const flags = secondHalf(kind);
    if ((flags & NLM_F.dumpIntr) !== 0) dump.interrupted = true;
    sink.message(type, flags, buffer, at + MESSAGE_HEADER, at + length);
    at += align(length);
  }
  return Math.min(at, end);
}
