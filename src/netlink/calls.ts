/** The calls of a socket on top of its core: asked once, or again where asking again is right. */
import type { NetlinkCore } from './core.ts';
import { DumpInterruptedError, OverrunError } from './error.ts';
import type { MessageSink, NetlinkMessage } from './message.ts';
import { type Answer, Collection, type OperationOptions } from './operation.ts';
import { isWorthRepeating, MAX_ATTEMPTS, pause } from './retry.ts';
import { SinkStream } from './stream.ts';

/**
 * One request. `holder` is kept from being collected while it waits.
 *
 * @param sent the sequence number that it has been sent with, if it has
 */
export async function ask(
  core: NetlinkCore,
  options: OperationOptions,
  holder: object,
  sent = 0,
): Promise<NetlinkMessage[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const answer = await collect(core, options, false, holder, attempt === 1 ? sent : 0);
      return answer.messages;
    } catch (error) {
      const again = error instanceof OverrunError && options.request.idempotent === true;
      if (!again || attempt >= MAX_ATTEMPTS) throw error;
    }
  }
}

/** A whole dump, repeated while changes disturb it. */
export async function dumpWhole(
  core: NetlinkCore,
  options: OperationOptions,
  holder: object,
): Promise<NetlinkMessage[]> {
  for (let attempt = 1; ; attempt++) {
    let problem: unknown;
    try {
      const { messages, interrupted } = await collect(core, options, true, holder);
      if (!interrupted) return messages;
      problem = new DumpInterruptedError(options.name, attempt, messages);
    } catch (error) {
      problem = error;
    }
    if (attempt >= MAX_ATTEMPTS || !isWorthRepeating(problem)) throw problem;
    await pause(attempt, options.signal);
  }
}

/** A whole dump into a sink, step by step, repeated while changes disturb it. */
export async function* dumpInto(
  core: NetlinkCore,
  options: OperationOptions,
  sink: MessageSink,
  holder: object,
): AsyncGenerator<void, undefined> {
  for (let attempt = 1; ; attempt++) {
    const stream = new SinkStream(options, sink);
    let problem: unknown;
    try {
      for (;;) {
        core.pull(stream, holder);
        // Made before anything can happen, and not awaited where everything has happened already.
        if (!stream.ready) await stream.wait();
        if (stream.take()) yield;
        else if (stream.ready) break;
      }
      if (!stream.ending()?.interrupted) return undefined;
      problem = new DumpInterruptedError(options.name, attempt);
    } catch (error) {
      problem = error;
    } finally {
      core.cancel(stream);
    }
    if (attempt >= MAX_ATTEMPTS || !isWorthRepeating(problem)) throw problem;
    sink.restart(problem);
    await pause(attempt, options.signal);
  }
}

function collect(
  core: NetlinkCore,
  options: OperationOptions,
  dump: boolean,
  holder: object,
  sent = 0,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const operation = new Collection(options, dump, resolve, reject);
    operation.holder = holder;
    core.submit(operation, sent);
  });
}
