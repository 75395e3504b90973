import type { NetlinkMessage } from '../netlink/socket.ts';
import { NLMSG } from '../netlink/wire/message.ts';
import { WireError } from '../netlink/wire/view.ts';
import type { MonitorEvent, ObjectEvent } from './monitor.ts';
import { OBJECT_TYPES } from './object-types.ts';
import { type RecordedMessage, readRecording } from './recording-file.ts';

/** A monitor's event, with the time at which it was recorded: microseconds since 1970, undefined where none stands. */
export type ReplayedEvent = MonitorEvent & { time: bigint | undefined };

/**
 * What a recording tells (rtmon(8), `rt.record`), as a monitor without `resync` would have told it. What was there when
 * the recording began comes first, as 'new'; messages that are no object of ours as 'message', of group 0.
 *
 * Holds little, however long the file. Ends in a RecordingError where the file ends in the middle of a message, after
 * all that was whole, and in a SystemError of Node's where it cannot be read.
 */
export async function* replay(
  file: string | AsyncIterable<Uint8Array>,
): AsyncGenerator<ReplayedEvent, void, void> {
  for await (const messages of readRecording(file)) for (const message of messages) yield* eventsOf(message);
}

function eventsOf({ time, stamped: _, ...message }: RecordedMessage): ReplayedEvent[] {
  const { type } = message;
  if (type === NLMSG.overrun) return [{ type: 'overrun', time }];
  // What a dump ends with.
  if (type < NLMSG.minType) return [];
  return decode(message).map((event) => ({ ...event, time }));
}

function decode(message: NetlinkMessage): MonitorEvent[] {
  const { type, payload } = message;
  for (const { name, messages, concerns, decode: one, decodeAll } of OBJECT_TYPES) {
    if ((type !== messages.new && type !== messages.del) || concerns?.(payload) === false) continue;
    const kind = type === messages.new ? 'new' : 'del';
    try {
      const values = decodeAll?.(payload) ?? [one(payload)];
      return values.map((value) => ({ type: kind, object: name, value }) as ObjectEvent);
    } catch (error) {
      // A file may hold anything.
      if (!(error instanceof WireError || error instanceof RangeError)) throw error;
    }
  }
  return [{ type: 'message', group: 0, message }];
}
