import { SystemError } from '../handle/errors.ts';
import type { Monitor } from '../route/monitor.ts';
import type { ObjectName } from '../route/object.ts';
import { readRecording } from '../route/recording-file.ts';
import { RouteSocket } from '../route/socket.ts';
import { matches, UsageError, Words, wrongArgument } from './args.ts';
import { EXIT } from './exit.ts';
import { MonitorLinks } from './monitor-links.ts';
import { type Heard, MonitorPrinter } from './monitor-print.ts';
import type { GlobalOptions } from './options.ts';
import { showContext } from './session.ts';
import type { ShowFamily } from './show/view.ts';

const USAGE = `Usage: cofferdam monitor [ all | OBJECTS ] [ label ] [ all-nsid ] [ dev DEVICE ]
       cofferdam monitor [ label ] [ dev DEVICE ] file FILE
       cofferdam monitor --record FILE [ all | OBJECTS ]
OBJECTS :=  address | link | mroute | neigh | netconf |
            nexthop | nsid | prefix | route | rule | stats
With -j, one object a line. -t and -ts put the time before each message.
`;

interface Group {
  readonly number: number;
  /** Of one address family. */
  readonly family?: ShowFamily;
}

/** The groups of each word, RTNLGRP_* of uapi/linux/rtnetlink.h. */
const GROUPS = {
  link: [{ number: 1 }],
  address: [
    { number: 5, family: 'inet' },
    { number: 9, family: 'inet6' },
  ],
  route: [
    { number: 7, family: 'inet' },
    { number: 11, family: 'inet6' },
    { number: 27, family: 'mpls' },
  ],
  mroute: [
    { number: 6, family: 'inet' },
    { number: 10, family: 'inet6' },
  ],
  prefix: [{ number: 18, family: 'inet6' }],
  neigh: [{ number: 3 }],
  netconf: [
    { number: 24, family: 'inet' },
    { number: 25, family: 'inet6' },
    { number: 29, family: 'mpls' },
  ],
  rule: [
    { number: 8, family: 'inet' },
    { number: 19, family: 'inet6' },
  ],
  nsid: [{ number: 28 }],
  nexthop: [{ number: 32 }],
  stats: [{ number: 36 }],
} satisfies Record<string, readonly Group[]>;
type MonitorWord = keyof typeof GROUPS;

/** What a recording calls them. Other words are recorded by their groups, and have no beginning in the file. */
const RECORDED = {
  link: 'link',
  address: 'address',
  route: 'route',
  neigh: 'neighbour',
  rule: 'rule',
  nexthop: 'nexthop',
} as const;

/** Kernels before 5.18 lack this one: only who asks for it has to have it. */
const STATS = 36;

interface Request {
  objects: Set<MonitorWord>;
  label: boolean;
  allNsid: boolean;
  dev: string | undefined;
  file: string | undefined;
  record: string | undefined;
}

/** In the order in which `ip` compares them: `l` is `label`, `n` is `neigh`. */
const ABBREVIATED = [
  'link',
  'address',
  'route',
  'mroute',
  'prefix',
  'neigh',
  'netconf',
  'rule',
  'nsid',
  'nexthop',
];

function readWords(args: readonly string[]): Request | 'help' {
  const words = new Words(args);
  const request: Request = {
    objects: new Set(),
    label: false,
    allNsid: false,
    dev: undefined,
    file: undefined,
    record: undefined,
  };
  while (words.more) {
    const word = words.next();
    const object = ABBREVIATED.find((name) => matches(word, name));
    if (word === '--record' || word === '-record') request.record = words.next();
    else if (matches(word, 'file')) request.file = words.next();
    else if (matches(word, 'label')) request.label = true;
    else if (object !== undefined) request.objects.add(object as MonitorWord);
    else if (word === 'stats') request.objects.add(word);
    else if (word === 'all') request.label = true;
    else if (matches(word, 'all-nsid')) request.allNsid = true;
    else if (matches(word, 'help') || word === '--help') return 'help';
    else if (word === 'dev') request.dev = words.next();
    else throw new UsageError(`Argument "${word}" is unknown, try "cofferdam monitor help".`);
  }
  if (request.record !== undefined && request.file !== undefined)
    throw new UsageError('A file is either recorded or shown: --record and file exclude each other.');
  return request;
}

/** `cofferdam monitor`: runs until a signal, or to the end of the file. */
export async function monitorCommand(args: readonly string[], options: GlobalOptions): Promise<number> {
  const request = readWords(args);
  if (request === 'help') {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const { netns, timeout } = options;
  await using rt = await RouteSocket.open({
    ...(netns !== undefined && { netns }),
    ...(timeout !== undefined && { timeout }),
  });
  if (request.record !== undefined) await record(rt, request.record, request, options);
  else await print(rt, request, options);
  return EXIT.ok;
}

async function print(rt: RouteSocket, request: Request, options: GlobalOptions): Promise<void> {
  const links = new MonitorLinks(rt);
  const live = request.file === undefined ? await listen(rt, request, options) : undefined;
  // Subscribed first: a link that comes meanwhile is known twice rather than not at all.
  if (live !== undefined || request.dev !== undefined) await links.load();
  const { dev, label, allNsid } = request;
  const ifindex = dev === undefined ? undefined : links.indexOf(dev);
  if (dev !== undefined && ifindex === undefined) throw wrongArgument(dev, 'Device does not exist\n');
  const printer = new MonitorPrinter(showContext(rt, options), links, { label, allNsid, ifindex });
  const write = async (messages: readonly Heard[]) => put(await printer.print(messages));
  if (live === undefined) {
    for await (const messages of readRecording(request.file ?? '')) await write(messages);
    return;
  }
  await using monitor = live;
  using _signals = endsOnSignal(() => monitor.close());
  for await (const batch of monitor.batches()) {
    // What was lost is a batch of its own.
    await write(
      batch.flatMap((event) => (event.type === 'message' ? [{ ...event.message, nsid: event.nsid }] : [])),
    );
    if (batch.some((event) => event.type === 'overrun')) await lost(options);
  }
}

async function lost({ json }: GlobalOptions): Promise<void> {
  if (json) await put('{"type":"overrun"}\n');
  else
    process.stderr.write('cofferdam: news were lost: the receive buffer was full, -rc BYTES sets its size\n');
}

function groupsOf(request: Request, { family }: GlobalOptions): number[] {
  const all = Object.keys(GROUPS) as MonitorWord[];
  const chosen = request.objects.size === 0 ? all : [...request.objects];
  return chosen.flatMap((word) =>
    (GROUPS[word] as readonly Group[])
      .filter((group) => family === undefined || group.family === undefined || group.family === family)
      .map(({ number }) => number),
  );
}

async function listen(rt: RouteSocket, request: Request, options: GlobalOptions): Promise<Monitor> {
  const groups = groupsOf(request, options);
  const { receiveBuffer } = options;
  const settings = {
    raw: true,
    allNsid: request.allNsid,
    ...(receiveBuffer !== undefined && { receiveBuffer }),
  };
  try {
    return await rt.monitor(groups, settings);
  } catch (error) {
    if (!(error instanceof SystemError) || request.objects.has('stats') || !groups.includes(STATS))
      throw error;
    return await rt.monitor(
      groups.filter((group) => group !== STATS),
      settings,
    );
  }
}

async function record(
  rt: RouteSocket,
  file: string,
  request: Request,
  options: GlobalOptions,
): Promise<void> {
  const words = [...request.objects];
  const { receiveBuffer } = options;
  await using recording = await rt.record(
    file,
    words.length === 0 ? undefined : words.flatMap((word) => recordedAs(word, request, options)),
    receiveBuffer === undefined ? {} : { receiveBuffer },
  );
  using _signals = endsOnSignal(() => recording.close());
  // What is listened to keeps nothing alive that nobody reads; a recording reads.
  await recording.done;
}

function recordedAs(
  word: MonitorWord,
  request: Request,
  options: GlobalOptions,
): readonly (ObjectName | number)[] {
  const name = RECORDED[word as keyof typeof RECORDED];
  return name === undefined ? groupsOf({ ...request, objects: new Set([word]) }, options) : [name];
}

/** A terminal's Ctrl-C is how one ends a monitor: no failure. */
export function endsOnSignal(end: () => void): Disposable {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, end);
  return {
    [Symbol.dispose]() {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
    },
  };
}

/** A reader that is slow holds us up, rather than filling our memory. */
export async function put(text: string): Promise<void> {
  if (text === '' || process.stdout.write(text)) return;
  await new Promise((resolve) => process.stdout.once('drain', resolve));
}
