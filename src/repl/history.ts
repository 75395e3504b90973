import { closeSync, mkdirSync, openSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { REPLServer } from 'node:repl';

/**
 * Where the console keeps its history: COFFERDAM_REPL_HISTORY, or the user's state directory (XDG base directory
 * specification). An empty COFFERDAM_REPL_HISTORY means none is kept.
 */
export function historyFile(environment: NodeJS.ProcessEnv = process.env): string | undefined {
  const { COFFERDAM_REPL_HISTORY, XDG_STATE_HOME } = environment;
  if (COFFERDAM_REPL_HISTORY !== undefined) return COFFERDAM_REPL_HISTORY || undefined;
  // The specification: a relative path is invalid and ignored.
  const state = XDG_STATE_HOME?.startsWith('/') ? XDG_STATE_HOME : join(homedir(), '.local', 'state');
  return join(state, 'cofferdam', 'repl_history');
}

/** Reads the history and keeps it. A file that can't be written is no reason not to start: it is said, and that's it. */
export async function keepHistory(
  server: REPLServer,
  file: string,
  warn: (message: string) => void,
): Promise<void> {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    // Made here rather than by node:repl so that nobody else can read what was typed.
    closeSync(openSync(file, 'a', 0o600));
  } catch (error) {
    warn(`no history is kept: ${(error as Error).message}`);
    return;
  }
  await new Promise<void>((resolve) => {
    server.setupHistory(file, (error) => {
      if (error) warn(`no history is kept: ${error.message}`);
      resolve();
    });
  });
}
