import { decodeExtAck, type ExtAck } from './ext-ack.ts';
import { MESSAGE_HEADER, NLM_F, NLMSG } from './wire/message.ts';
import { align, WireError, type WireView } from './wire/view.ts';

/** What NLMSG_ERROR (errno 0 is an acknowledgement) or NLMSG_DONE (of a dump, perhaps with an errno) says. */
export interface EndingMessage {
  /** Negative, or 0. */
  readonly errno: number;
  readonly extAck?: ExtAck;
}

/**
 * Reads one, its payload from `start` to `end`. A {@link WireError} for what cannot be understood: it is an end all
 * the same.
 */
export function readEnding(
  type: number,
  flags: number,
  view: WireView,
  start: number,
  end: number,
): EndingMessage | WireError {
  // NLMSG_DONE may be bare.
  const coded = end - start >= 4;
  if (!coded && type === NLMSG.error)
    return new WireError(`NLMSG_ERROR is cut short after ${end - start} bytes`);
  const errno = coded ? view.s32(start) : 0;
  if (errno > 0) return new WireError(`NLMSG_ERROR holds the positive errno ${errno}`);
  if ((flags & NLM_F.ackTlvs) === 0) return { errno };
  const extAck = decodeExtAck(
    view,
    type === NLMSG.done ? start + 4 : errorTlvs(flags, view, start, end),
    end,
  );
  return extAck === undefined ? { errno } : { errno, extAck };
}

/** Where an acknowledgement's attributes start: after the errno and the request's header, or all of the request. */
function errorTlvs(flags: number, view: WireView, start: number, end: number): number {
  const header = start + 4;
  if ((flags & NLM_F.capped) !== 0 || end - header < MESSAGE_HEADER) return header + MESSAGE_HEADER;
  const length = view.u32(header);
  return length > end - header ? end : header + align(length);
}
