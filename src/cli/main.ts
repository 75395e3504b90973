#!/usr/bin/env node
import { runCommandLine } from './command.ts';

// A reader that has seen enough (`| head -1`) is no failure. Without a listener it would be an uncaught exception.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  // A full disk, say. Here a throw would be an uncaught exception, with a stack of no use to anybody.
  process.stderr.write(`cofferdam: stdout: ${error.message}\n`);
  process.exit(1);
});
process.stderr.on('error', () => {});

// The code is set rather than process.exit() called: what is still to be written gets written.
process.exitCode = await runCommandLine(process.argv.slice(2));
