import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { handles, ResourceLeakWarning } from '../../handle/index.ts';
import type { Netns } from '../../netns/index.ts';
import { RouteSocket } from '../../route/socket.ts';

/** The garbage collector as a function, whether or not node was started with --expose-gc. */
export function garbageCollector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** The bug: a socket is opened, used, and forgotten. */
async function openAndForget(netns: Netns): Promise<number> {
  const rt = await RouteSocket.open({ netns });
  await rt.link.get('lo');
  return rt.fd;
}

export interface CaughtLeaks {
  readonly fds: readonly number[];
  readonly warnings: readonly ResourceLeakWarning[];
}

/**
 * Forgets some sockets and has the collector find them. The warnings are the ones that node prints to stderr for
 * everybody; here they are taken down instead, so that the tour can show one.
 */
export async function injectLeaks(netns: Netns, count: number): Promise<CaughtLeaks> {
  const warnings: ResourceLeakWarning[] = [];
  const others = process.listeners('warning');
  const take = (warning: Error) => {
    if (warning instanceof ResourceLeakWarning) warnings.push(warning);
    else for (const listener of others) listener(warning);
  };
  const { onLeak, recordStacks } = handles;
  process.removeAllListeners('warning');
  process.on('warning', take);
  handles.onLeak = 'warn';
  handles.recordStacks = true;
  try {
    const fds: number[] = [];
    for (let i = 0; i < count; i++) fds.push(await openAndForget(netns));
    const collect = garbageCollector();
    // Finalizers run when the collector and the event loop please: give them some turns, not forever.
    for (let turn = 0; turn < 100 && warnings.length < count; turn++) {
      collect();
      await sleep(5);
    }
    return { fds, warnings };
  } finally {
    handles.onLeak = onLeak;
    handles.recordStacks = recordStacks;
    process.off('warning', take);
    for (const listener of others) process.on('warning', listener);
  }
}

/** The frames of a stack that are the program's own, short: `openAndForget (tour/leak.ts:20:14)`. */
export function ownFrames(stack: string, count: number): string[] {
  const frames: string[] = [];
  for (const line of stack.split('\n')) {
    const found = /at (?:async )?(?:(\S+) \()?(?:file:\/\/)?\S*\/(tour\/[\w-]+\.[jt]s:\d+):\d+\)?/.exec(line);
    if (found !== null) frames.push(`at ${found[1] ?? '<anonymous>'} (${found[2]})`);
  }
  return frames.slice(0, count);
}
