/** `cofferdam cgroup`: control groups, in the manner of `ip`. */
import { Cgroup, type RemoveOptions } from '../../cgroup/index.ts';
import { FindingError, matches, parseUnsigned, UsageError, Words, wrongArgument } from '../args.ts';
import { EXIT } from '../exit.ts';
import type { GlobalOptions } from '../options.ts';
import { formatJson } from '../show/json.ts';
import type { JsonObject } from '../show/view.ts';
import { printEvents } from './events.ts';
import { applyWords } from './set.ts';
import { showText } from './show.ts';
import { printTop } from './top.ts';
import { treeText } from './tree.ts';

const USAGE = `Usage: cofferdam cgroup [ tree ] [ PATH ]
       cofferdam cgroup show [ PATH ]
       cofferdam cgroup set PATH [ LIMIT ]... [ subtree_control { +CONTROLLER }... ]
       cofferdam cgroup { freeze | thaw | kill } PATH
       cofferdam cgroup rm PATH [ recursive ] [ timeout MILLISECONDS ]
       cofferdam cgroup events [ PATH ] [ pressure RESOURCE [ some | full ] STALL WINDOW ]...
       cofferdam cgroup top [ PATH ] [ batch ] [ iterations N ] [ delay SECONDS ] [ depth N ]
                            [ order { cpu | memory | pids | io | path } ]
PATH is below the mount, as in /proc/PID/cgroup, or of the file system; without one, all of them.
LIMIT := FILE VALUE, by the kernel's files: cpu.max '50000 100000', memory.max 1G, memory.swap.max 500M,
         memory.oom.group 1, pids.max 100, io.max DEVICE rbps=10M wbps=10M, io.weight 100, cpuset.cpus 0-3
STALL, WINDOW := microseconds; RESOURCE := cpu | memory | io
events prints until the cgroup is removed; with -j, one object a line, and so does top. -t and -ts tell the time.
`;

const VERBS = [
  'tree',
  'show',
  'set',
  'freeze',
  'thaw',
  'kill',
  'rm',
  'remove',
  'delete',
  'events',
  'top',
  'help',
];

/** Exit code 0; what goes wrong is thrown. */
export async function cgroupCommand(args: readonly string[], options: GlobalOptions): Promise<number> {
  // A path needs no verb.
  const [word, ...rest] = args[0]?.startsWith('/') ? ['tree', ...args] : args;
  const words = new Words(rest);
  switch (verbOf(word)) {
    case 'help':
      process.stdout.write(USAGE);
      break;
    case 'tree': {
      await using cg = await openAt(words);
      noMore(words);
      const nodes = cg.tree();
      print(nodes, () => treeText(nodes, options), options);
      break;
    }
    case 'show': {
      await using cg = await openAt(words);
      noMore(words);
      await show(cg, options);
      break;
    }
    case 'set': {
      await using cg = await openAt(words, true);
      await applyWords(cg, words);
      break;
    }
    case 'freeze':
    case 'thaw':
    case 'kill': {
      await using cg = await openAt(words, true);
      noMore(words);
      await cg[verbOf(word) as 'freeze' | 'thaw' | 'kill'](waiting(options));
      break;
    }
    case 'rm': {
      await using cg = await openAt(words, true);
      await cg.remove({ ...waiting(options), ...removeOptions(words) });
      break;
    }
    case 'events': {
      await using cg = await openAt(words);
      await printEvents(cg, words, options);
      break;
    }
    case 'top': {
      await using cg = await openAt(words);
      await printTop(async () => cg.tree(), words, options);
      break;
    }
  }
  return EXIT.ok;
}

type Verb = 'help' | 'tree' | 'show' | 'set' | 'freeze' | 'thaw' | 'kill' | 'rm' | 'events' | 'top';

function verbOf(word: string | undefined): Verb {
  if (word === undefined) return 'tree';
  if (word === '--help' || word === '-help') return 'help';
  const verb = VERBS.find((name) => matches(word, name));
  if (verb === undefined) throw new UsageError(`Command "${word}" is unknown, try "cofferdam cgroup help".`);
  return verb === 'remove' || verb === 'delete' ? 'rm' : (verb as Verb);
}

async function openAt(words: Words, required = false): Promise<Cgroup> {
  const path = words.peek?.startsWith('/') ? words.next() : undefined;
  if (path === undefined && required)
    throw new UsageError('Not enough information: "PATH" argument is required.');
  try {
    return await Cgroup.open(path ?? '/');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      throw new FindingError(`Cannot find cgroup "${path}"`);
    throw error;
  }
}

function noMore(words: Words): void {
  if (words.more)
    throw new UsageError(`Error: either "PATH" is duplicate, or "${words.next()}" is a garbage.`);
}

function waiting({ timeout }: GlobalOptions): { timeout?: number } {
  return timeout === undefined ? {} : { timeout };
}

function removeOptions(words: Words): RemoveOptions {
  let options: RemoveOptions = {};
  while (words.more) {
    if (words.take('-r') || words.takeAbbreviated('recursive')) options = { ...options, recursive: true };
    else if (words.takeAbbreviated('timeout')) {
      const word = words.next();
      const timeout = parseUnsigned(word);
      if (timeout === undefined || timeout === 0) throw wrongArgument(word, 'invalid timeout');
      options = { ...options, timeout };
    } else throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam cgroup help".`);
  }
  return options;
}

async function show(cg: Cgroup, options: GlobalOptions): Promise<void> {
  const limits = await cg.limits();
  const stat = await cg.stat();
  const { path, inode, controllers, identity } = cg;
  const pids = cg.pids();
  const facts = { path, inode, controllers, pids, limits, stat, ...(identity !== undefined && { identity }) };
  print([facts], () => showText(facts), options);
}

/** Plain data of the library's prints as it is: it can be fed back to it. */
function print(data: readonly object[], text: () => string, { json, pretty }: GlobalOptions): void {
  process.stdout.write(json ? `${formatJson(data as JsonObject[], pretty)}\n` : text());
}
