import { UsageError } from '../args.ts';
import { EXIT } from '../exit.ts';
import { type GlobalOptions, ownColor } from '../options.ts';
import { footing, runInUserNamespace } from './privilege.ts';
import { Stage } from './stage.ts';
import { tour } from './tour.ts';

const USAGE = `Usage: cofferdam tour
The main job on this kernel, in seconds: builds a network of namespaces, watches it, injects a leak and catches it,
shows the flat fd line, and leaves nothing behind. As root, or in a user namespace where the host allows one.
`;

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;

export async function tourCommand(words: readonly string[], options: GlobalOptions): Promise<number> {
  if (options.help || ['help', '-h', '-help', '--help'].includes(words[0] ?? '')) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (words[0] !== undefined) {
    throw new UsageError(`Argument "${words[0]}" is unknown, try "cofferdam tour --help".`);
  }
  const where = footing();
  if (where === 'outside') return await runInUserNamespace(process.argv.slice(1));
  const stage = new Stage((text) => void process.stdout.write(text), ownColor(options));
  const how = where === 'privileged' ? 'as root' : 'without privileges, in a user namespace of its own';
  return await untilInterrupted(async (signal) =>
    (await tour(stage, how, signal)) ? EXIT.ok : EXIT.failure,
  );
}

/** Runs it; a signal aborts it, and everything it holds is closed on the way out. */
async function untilInterrupted(run: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  let code: number | undefined;
  const listeners = Object.entries(SIGNALS).map(([name, exitCode]) => {
    const listener = () => {
      code ??= exitCode;
      controller.abort();
    };
    process.on(name, listener);
    return () => void process.off(name, listener);
  });
  try {
    return await run(controller.signal);
  } catch (error) {
    if (code === undefined) throw error;
    process.stderr.write('cofferdam: interrupted; everything the tour made is gone\n');
    return code;
  } finally {
    for (const stop of listeners) stop();
  }
}
