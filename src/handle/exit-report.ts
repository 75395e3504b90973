/**
 * The handles still open when the process exits, on stderr.
 *
 * On 'exit' and not in a finalizer or an environment hook: those don't run on process.exit() or an uncaught
 * exception, 'exit' listeners do.
 */
import { writeSync } from 'node:fs';
import { describeHandle, type HandleInfo } from './handle-info.ts';

/** `list` is asked at exit, so that handles opened since are in it. */
export function installExitReport(list: () => HandleInfo[]): void {
  process.on('exit', () => {
    const outstanding = list();
    if (outstanding.length > 0) print(formatHandles(outstanding));
  });
}

/** The report's text: a line for each handle, its creation stack below it if recorded. */
export function formatHandles(outstanding: readonly HandleInfo[]): string {
  const count = outstanding.length === 1 ? '1 handle' : `${outstanding.length} handles`;
  const lines = [`cofferdam: ${count} still open at exit:`];
  for (const info of outstanding) {
    lines.push(`  ${describeHandle(info)}${info.hasRef ? ', keeps the event loop alive' : ''}`);
    if (info.stack !== undefined) lines.push(info.stack);
  }
  if (outstanding.every((info) => info.stack === undefined)) {
    lines.push('  COFFERDAM_RECORD_STACKS=1 in the environment shows where each was opened.');
  }
  return `${lines.join('\n')}\n`;
}

/** Straight to fd 2: a stream's buffer would die with the process, and a Worker has no stderr of its own. */
function print(text: string): void {
  try {
    writeSync(2, text);
  } catch {
    // EPIPE, EAGAIN or a closed stderr: nobody is left to tell.
  }
}
