import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encodeMessage } from '../../src/netlink/wire/message.ts';

/** `ip` and `tc` show what no kernel has told them of: see preload/answers.c. */

const here = dirname(fileURLToPath(import.meta.url));
const source = join(here, 'preload', 'answers.c');
const cache = join(here, '..', '..', 'node_modules', '.cache', 'cofferdam-preload');
const RTM_NEWLINK = 16;

/** The library, compiled where its source has changed. */
function library(): string {
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const target = join(cache, `answers-${hash}.so`);
  if (existsSync(target)) return target;
  mkdirSync(cache, { recursive: true });
  const scratch = join(cache, `${process.pid}.so`);
  execFileSync('cc', ['-shared', '-fPIC', '-O1', '-Wall', '-Werror', '-o', scratch, source, '-ldl'], {
    stdio: 'pipe',
    // A compiler is none of a sanitizer's business.
    env: { ...process.env, LD_PRELOAD: '' },
  });
  renameSync(scratch, target);
  return target;
}

/** What `ip FLAGS link show` prints in the namespace when these are its links: payloads of RTM_NEWLINK. */
export function ipShows(netns: string, flags: readonly string[], links: readonly Uint8Array[]): string {
  return shows('ip', ['-n', netns, ...flags, 'link', 'show'], RTM_NEWLINK, links);
}

/** What a program of iproute2 prints when its first dump of messages of this type brings these payloads. */
export function shows(
  program: 'ip' | 'tc',
  words: readonly string[],
  type: number,
  payloads: readonly Uint8Array[],
): string {
  const directory = mkdtempSync(join(tmpdir(), 'cofferdam-answers-'));
  try {
    const file = join(directory, 'messages');
    const header = { type, flags: 0, seq: 0, portId: 0 };
    writeFileSync(file, Buffer.concat(payloads.map((payload) => encodeMessage(header, payload))));
    return execFileSync(program, words, {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
      env: { ...process.env, LD_PRELOAD: library(), LINK_ANSWERS: file },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
  } finally {
    rmSync(directory, { recursive: true });
  }
}
