/**
 * What a healthy kernel does not do when a test wants it: refuse to send for a while, cut a datagram, interrupt
 * every dump. A scripted socket stands in for the native one; everything above is the real thing.
 */
import { constants } from 'node:os';
import { describe, expect, test } from 'vitest';
import { ask } from '../../src/netlink/calls.ts';
import { NLM_F } from '../../src/netlink/wire/message.ts';
import { connect, dumpAll, holder, iterate, options, request } from './scripted.ts';
import { ack, data, done, errorMessage, joined } from './support.ts';

const { EAGAIN, EBADF, EBUSY, EMSGSIZE, ENOBUFS, ENOMEM, EPERM } = constants.errno;

const answered = (seq: number) => [joined(data({ seq }), ack({ seq }))];

describe('sending', () => {
  test('is tried again when there is no room, in order', async () => {
    const { native, core } = connect(answered);
    native.refusals.push(-EAGAIN, -ENOBUFS, -EAGAIN);
    const calls = Promise.all([request(core), request(core), request(core)]);
    expect(native.seqs).toEqual([]);
    expect((await calls).map((messages) => messages[0]?.seq)).toEqual([1, 2, 3]);
    expect(native.seqs).toEqual([1, 2, 3]);
  });

  test('ends at the deadline where there never is room', async () => {
    const { native, core } = connect(answered);
    native.refusals.push(...new Array<number>(1000).fill(-EAGAIN));
    await expect(request(core)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT' });
    expect(native.seqs).toEqual([]);
    // Pauses grow: not a thousand attempts.
    expect(native.refusals.length).toBeGreaterThan(980);
    // And what was given up is not sent later.
    native.refusals.length = 0;
    await request(core);
    expect(native.seqs).toEqual([2]);
  });

  test('refused for good fails this request and no other', async () => {
    const { native, core } = connect(answered);
    native.refusals.push(-EPERM);
    await expect(request(core)).rejects.toMatchObject({
      code: 'EPERM',
      syscall: 'sendmsg',
      netns: 4026531840,
      request: 'RTM_GETLINK',
    });
    await request(core);
  });

  test('waits for answers to be read: a burst does not drown its own answers', async () => {
    const { native, core } = connect(answered);
    let most = 0;
    native.answer = (seq) => {
      most = Math.max(most, native.queue.length + 1);
      return answered(seq);
    };
    await Promise.all(Array.from({ length: 1000 }, () => request(core)));
    expect(native.seqs.length).toBe(1000);
    expect(most).toBeLessThanOrEqual(13);
  });

  test('goes on though the kernel passes requests over in silence', async () => {
    const { native, core } = connect((seq) => (seq % 50 === 0 ? answered(seq) : []));
    const patient = { ...options, timeout: 60_000 };
    const calls = Array.from({ length: 1000 }, () => ask(core, patient, holder));
    const results = Promise.allSettled(calls);
    // Not when deadlines pass: at once, or this test runs out of time.
    while (native.seqs.length < 1000) await new Promise((resolve) => setTimeout(resolve, 1));
    await calls[999];
    core.close();
    expect((await results).filter((result) => result.status === 'fulfilled').length).toBe(20);
  });
});

describe('receiving', () => {
  test('of an answer that came while the program was busy beyond the deadline still counts', async () => {
    const { native, core } = connect(() => []);
    const call = request(core);
    // After the polls of this turn of the loop: what comes next are the timers of the next.
    setImmediate(() => {
      native.deliver(...answered(1));
      const until = performance.now() + options.timeout + 50;
      while (performance.now() < until);
    });
    expect(await call).toHaveLength(1);
  });

  test('of a cut datagram loses what waits, and the socket goes on', async () => {
    let cut = true;
    const { core } = connect((seq) => {
      const steps = cut ? [-EMSGSIZE] : answered(seq);
      cut = false;
      return steps;
    });
    await expect(request(core)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_OVERRUN' });
    expect(await request(core)).toHaveLength(1);
  });

  test('of an error of the kernel (ENOMEM) counts as a loss', async () => {
    const { core } = connect(() => [-ENOMEM]);
    await expect(request(core)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_OVERRUN' });
  });

  test('on a fd that somebody else closed ends the socket', async () => {
    const { core } = connect(() => [-EBADF]);
    await expect(request(core)).rejects.toMatchObject({ code: 'EBADF', syscall: 'recvmsg' });
    expect(core.state).toBe('closed');
    await expect(request(core)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_CLOSED' });
  });

  test('of bytes that are not netlink loses the dump, with a typed error', async () => {
    let attempts = 0;
    const { core } = connect((seq) => {
      attempts++;
      return [data({ seq }), Uint8Array.of(1, 2, 3), done({ seq })];
    });
    await expect(dumpAll(core)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_OVERRUN' });
    expect(attempts).toBe(10);
  });

  test('after a request was asked again, if that does no harm', async () => {
    let losses = 3;
    const { native, core } = connect((seq) => (losses-- > 0 ? [-ENOBUFS] : answered(seq)));
    const idempotent = { ...options, request: { ...options.request, idempotent: true } };
    expect(await ask(core, idempotent, holder)).toHaveLength(1);
    expect(native.seqs.length).toBe(4);
    const changing = connect(() => [-ENOBUFS]);
    await expect(request(changing.core)).rejects.toMatchObject({ code: 'ERR_COFFERDAM_OVERRUN' });
    expect(changing.native.seqs.length).toBe(1);
  });
});

describe('a dump', () => {
  const interrupted = (seq: number) => [
    data({ seq, flags: NLM_F.multi | NLM_F.dumpIntr }),
    done({ seq, flags: NLM_F.multi }),
  ];
  const whole = (seq: number) => [data({ seq, flags: NLM_F.multi }), done({ seq })];

  test('that is interrupted is tried ten times, then what the last try brought is handed over', async () => {
    const { native, core } = connect(interrupted);
    await expect(dumpAll(core)).rejects.toMatchObject({
      name: 'DumpInterruptedError',
      code: 'ERR_COFFERDAM_DUMP_INTERRUPTED',
      message: 'RTM_GETLINK: the dump was 10 times interrupted by changes',
      attempts: 10,
      partial: [{ seq: 10 }],
    });
    expect(native.seqs.length).toBe(10);
  });

  test('that is whole at the third try is a success', async () => {
    let attempt = 0;
    const { core } = connect((seq) => (++attempt < 3 ? interrupted(seq) : whole(seq)));
    expect(await dumpAll(core)).toHaveLength(1);
    expect(attempt).toBe(3);
  });

  test('iterated and interrupted ends with an error: what was handed out cannot be taken back', async () => {
    const { native, core } = connect(interrupted);
    const iterator = iterate(core);
    expect(await iterator.next()).toMatchObject({ done: false });
    await expect(iterator.next()).rejects.toMatchObject({
      code: 'ERR_COFFERDAM_DUMP_INTERRUPTED',
      attempts: 1,
    });
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(native.seqs.length).toBe(1);
  });

  test('iterated and interrupted before its first message begins anew', async () => {
    let attempt = 0;
    const { core } = connect((seq) =>
      ++attempt < 4 ? [done({ seq, flags: NLM_F.multi | NLM_F.dumpIntr })] : whole(seq),
    );
    const iterator = iterate(core);
    expect(await iterator.next()).toMatchObject({ done: false });
    expect(await iterator.next()).toMatchObject({ done: true });
    expect(attempt).toBe(4);
  });

  test('refused with EBUSY, as after a lost one, is tried again', async () => {
    let attempt = 0;
    const { core } = connect((seq) => (++attempt < 3 ? [errorMessage({ seq }, -EBUSY)] : whole(seq)));
    expect(await dumpAll(core)).toHaveLength(1);
    attempt = 0;
    expect(await iterate(core).next()).toMatchObject({ done: false });
  });

  test('stalled by an overrun is woken by the probe', async () => {
    const { native, core } = connect(() => []);
    let dump = 0;
    native.answer = (seq, isDump) => {
      if (isDump) {
        dump = seq;
        return [data({ seq, flags: NLM_F.multi }), -ENOBUFS];
      }
      // The acknowledgement of the probe makes the kernel go on.
      return [ack({ seq }), data({ seq: dump, flags: NLM_F.multi }), done({ seq: dump })];
    };
    expect(await dumpAll(core)).toHaveLength(2);
    expect(native.seqs.length).toBe(2);
  });

  test('whose end was lost fails, is tried again, and the wire is free', async () => {
    let lost = 0;
    const { core } = connect((seq, isDump) => {
      if (!isDump) return [ack({ seq })];
      return lost++ === 0 ? [data({ seq, flags: NLM_F.multi }), -ENOBUFS] : whole(seq);
    });
    expect(await dumpAll(core)).toHaveLength(1);
    expect(lost).toBe(2);
  });

  test('abandoned and silent is written off, and the next one starts', async () => {
    let first = true;
    const { core } = connect((seq) => {
      const steps = first ? [data({ seq, flags: NLM_F.multi })] : whole(seq);
      first = false;
      return steps;
    });
    for await (const _ of iterate(core)) break;
    const start = performance.now();
    expect(await dumpAll(core)).toHaveLength(1);
    expect(performance.now() - start).toBeGreaterThan(40);
  });

  test('that trickles may take longer than its deadline, which is for silence', async () => {
    const { native, core } = connect(() => []);
    let left = 6;
    native.answer = (seq) => {
      const timer = setInterval(() => {
        native.deliver(left-- > 0 ? data({ seq, flags: NLM_F.multi }) : done({ seq }));
        if (left < 0) clearInterval(timer);
      }, 60);
      return [];
    };
    const start = performance.now();
    const second = dumpAll(core);
    // The one that queues behind it has the same patience.
    expect(await second).toHaveLength(6);
    expect(performance.now() - start).toBeGreaterThan(options.timeout);
  });

  test('parked is not received, and nothing keeps the event loop alive for it', async () => {
    const { native, core } = connect((seq) => [
      ...Array.from({ length: 20 }, () => data({ seq, flags: NLM_F.multi })),
      done({ seq }),
    ]);
    const iterator = iterate(core);
    await iterator.next();
    const received = native.receives;
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(native.receives).toBe(received);
    expect(native.hasRef()).toBe(false);
    expect(native.queue.length).toBe(20);
    let rest = 0;
    for await (const _ of iterator) rest++;
    expect(rest).toBe(19);
  });
});
