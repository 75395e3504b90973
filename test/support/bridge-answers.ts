import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NetlinkMessage, NetlinkRequest, RequestPort } from '../../src/netlink/socket.ts';
import { encodeMessage } from '../../src/netlink/wire/message.ts';
import { receiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';

/** `bridge`, and our services, told by the same messages what this kernel's bridges don't have. */

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'preload', 'bridge-answers.c');
const cache = join(here, '..', '..', 'node_modules', '.cache', 'cofferdam-preload');

/** What a dump brings: messages of one type, their payloads. */
export interface Answers {
  /** RTM_GET*: which dump of AF_BRIDGE. */
  readonly request: number;
  readonly type: number;
  readonly payloads: readonly Uint8Array[];
}

/** The library, compiled where its source has changed. */
function library(): string {
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const target = join(cache, `bridge-answers-${hash}.so`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const scratch = join(cache, `bridge-${process.pid}.so`);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', scratch, source, '-ldl'], {
    stdio: 'pipe',
    // A compiler is none of a sanitizer's business.
    env: { ...process.env, LD_PRELOAD: '' },
  });
  renameSync(scratch, target);
  return target;
}

/** What `bridge` prints in the namespace when its dump brings these answers. */
export function bridgeShows(netns: string, words: readonly string[], answers: Answers): string {
  const directory = mkdtempSync(join(tmpdir(), 'cofferdam-answers-'));
  try {
    const file = join(directory, 'messages');
    const header = { type: answers.type, flags: 0, seq: 0, portId: 0 };
    writeFileSync(file, Buffer.concat(answers.payloads.map((payload) => encodeMessage(header, payload))));
    return execFileSync('bridge', ['-n', netns, ...words], {
      encoding: 'utf8',
      env: {
        ...process.env,
        LD_PRELOAD: library(),
        BRIDGE_ANSWERS: file,
        BRIDGE_REQUEST: String(answers.request),
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const AF_BRIDGE = 7;

/** A port whose dumps of AF_BRIDGE bring these answers, and that asks `port` for all else. */
export function answering(port: RequestPort, answers: Answers): RequestPort {
  const isMeant = ({ type, payload }: NetlinkRequest) =>
    type === answers.request && payload?.[0] === AF_BRIDGE;
  const messages = (): NetlinkMessage[] =>
    answers.payloads.map((payload) => ({ type: answers.type, flags: 2, seq: 1, portId: 1, payload }));
  return {
    request: (request, options) => port.request(request, options),
    dump: (request, options) => port.dump(request, options),
    dumpAll: async (request, options) =>
      isMeant(request) ? messages() : await port.dumpAll(request, options),
    dumpInto(request, sink, options) {
      if (!isMeant(request)) return port.dumpInto(request, sink, options);
      return (async function* () {
        for (const { payload } of messages()) {
          const bytes = new Uint8Array((payload.length + 3) & ~3);
          bytes.set(payload);
          sink.message(answers.type, 2, receiveBuffer(bytes), 0, payload.length);
          yield;
        }
        return undefined;
      })();
    },
  };
}
