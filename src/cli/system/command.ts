/** `cofferdam systems`: the disposable systems of this host, whoever made them. */
import { findSystem, listSystems, reclaimSystems, type SystemEntry } from '../../system/index.ts';
import { UsageError, Words } from '../args.ts';
import { printTop } from '../cgroup/top.ts';
import { EXIT } from '../exit.ts';
import type { GlobalOptions } from '../options.ts';
import { formatJson } from '../show/json.ts';
import type { JsonObject } from '../show/view.ts';
import { checkFile } from './check.ts';
import { execInSystem } from './exec.ts';
import { endOfSystem, killSystem, waitForEnd } from './kill.ts';
import { printLogs } from './logs.ts';
import { listText, showSystem } from './show.ts';

const USAGE = `Usage: cofferdam systems [ list ]
       cofferdam systems show NAME
       cofferdam systems kill NAME [ --signal SIGNAL ]
       cofferdam systems exec NAME [ --env NAME[=VALUE] ] [ --workdir DIRECTORY ] [ --user UID[:GID] ] [ --no-tty ]
                              [ -- ] PROGRAM [ ARGUMENTS ]
       cofferdam systems logs NAME [ -f | --follow ] [ -n | --lines N ] [ -t | --timestamps ]
       cofferdam systems wait NAME
       cofferdam systems top [ batch ] [ iterations N ] [ delay SECONDS ] [ order { cpu | memory | pids | io | path } ]
       cofferdam systems reclaim
       cofferdam systems check FILE
NAME is build-123, or ci-jobs/build-123 with its group.
kill ends all of it; with a signal, everything inside but pid 1 gets that. wait returns when nothing of it is left, and tells with
-j why it ended, how the program of its owner did, and what it had used.
exec runs a program in a system, whoever owns that, confined as all in it are. Its stdin, stdout, stderr, signals and exit code are as
if it ran here, as those of "cofferdam run" are; it ends with us and with the system at the latest.
logs prints what the programs of its owner have written, where that is kept (cofferdam run --logs 1M): stdout to stdout, stderr to
stderr. It goes on with -f, until the system has ended. -j prints a line of JSON for each line.
reclaim removes what is left where a system's owner, supervisor and janitor were all killed.
check reads a configuration (- is stdin) and says all that is wrong with it: exit code 1.
-j prints JSON.
`;

/** Resolves to the exit code; what goes wrong is thrown. */
export async function systemsCommand(args: readonly string[], options: GlobalOptions): Promise<number> {
  const words = new Words(args);
  switch (words.more ? words.next() : 'list') {
    case 'help':
    case '-help':
    case '--help':
      process.stdout.write(USAGE);
      return EXIT.ok;
    case 'list': {
      noMore(words);
      const systems = await listSystems();
      print(systems as unknown as JsonObject[], () => listText(systems), options);
      return EXIT.ok;
    }
    case 'show': {
      const system = await named(words);
      noMore(words);
      const { data, text } = await showSystem(system);
      print([data], () => text, options);
      return EXIT.ok;
    }
    case 'kill': {
      const system = await named(words);
      const signal = words.take('--signal', '-s') ? words.next() : undefined;
      noMore(words);
      await killSystem(system, signal, options.timeout, options.json);
      return EXIT.ok;
    }
    case 'exec':
      return await execInSystem(words, options);
    case 'logs':
      return await printLogs(words, options);
    case 'wait': {
      const system = await named(words);
      noMore(words);
      if (options.json) print([await endOfSystem(system, options.timeout)], () => '', options);
      else await waitForEnd(system, options.timeout);
      return EXIT.ok;
    }
    case 'top':
      await printTop(
        async () => (await listSystems()).map(({ cgroup, pids }) => ({ path: cgroup, pids })),
        words,
        options,
      );
      return EXIT.ok;
    case 'reclaim': {
      noMore(words);
      const paths = await reclaimSystems();
      print(paths, () => paths.map((path) => `${path}\n`).join(''), options);
      return EXIT.ok;
    }
    case 'check':
      return checkFile(words, options);
    default:
      throw new UsageError(`Command "${args[0]}" is unknown, try "cofferdam systems help".`);
  }
}

async function named(words: Words): Promise<SystemEntry> {
  if (!words.more) throw new UsageError('Not enough information: "NAME" argument is required.');
  return await findSystem(words.next());
}

function noMore(words: Words): void {
  if (words.more)
    throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam systems help".`);
}

function print(
  data: readonly (JsonObject | string)[],
  text: () => string,
  { json, pretty }: GlobalOptions,
): void {
  process.stdout.write(json ? `${formatJson([...data], pretty)}\n` : text());
}
