import { release } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { countFds, describeHandle, handles, packageVersion, readFdTable } from '../../handle/index.ts';
import { Netns } from '../../netns/index.ts';
import { RouteSocket } from '../../route/socket.ts';
import { observeFds } from '../../testing/index.ts';
import { loadView, type ShownObject } from '../objects.ts';
import { parseCommandLine } from '../options.ts';
import { showContext } from '../session.ts';
import { fdChart } from './chart.ts';
import { injectLeaks, ownFrames } from './leak.ts';
import { addRoutes, closeHost, connect, type Host, LINKS, type Network, openNetwork } from './network.ts';
import type { Stage } from './stage.ts';
import { describeEvent, Listener } from './watch.ts';

/** What was there before the tour, to compare with what is there after. */
interface Outside {
  readonly handles: ReturnType<typeof handles.snapshot>;
  readonly fds: ReadonlyMap<number, string>;
  /** Named namespaces: name and inode. */
  readonly names: ReadonlyMap<string, number>;
  readonly links: readonly string[];
}

async function lookOutside(): Promise<Outside> {
  const names = new Map((await Netns.list()).map(({ name, inode }) => [name, inode]));
  await using rt = await RouteSocket.open();
  const links = (await rt.link.list()).map(({ ifname }) => ifname);
  await rt[Symbol.asyncDispose]();
  return { handles: handles.snapshot(), fds: readFdTable(), names, links };
}

const OPENS = 2_000;
const GETS_PER_OPEN = 10;
const LEAKS = 25;
/** What the flat line may take, in milliseconds: a busy or slow host gets a shorter one. */
const BUDGET = 10_000;
/** The kernel takes namespaces down one after the other, in the background: ours may stand in a queue. */
const TEARDOWN_PATIENCE = 20_000;

/** Runs all acts. Resolves to whether everything was as promised. Whatever happens, nothing it made is left. */
export async function tour(stage: Stage, how: string, signal: AbortSignal): Promise<boolean> {
  const start = performance.now();
  stage.title(`cofferdam ${packageVersion()}`, `a tour on Linux ${release()}, ${how}`);
  const before = await lookOutside();
  let good: boolean;
  const made = new Set<number>();
  {
    await using network = await openNetwork();
    for (const { netns } of [network.hub, network.left, network.right]) made.add(netns.inode);
    signal.throwIfAborted();
    {
      await using watched = new Listener(await network.left.rt.monitor(['link', 'address', 'route']));
      await build(stage, network, signal);
      good = await tellWatched(stage, watched);
    }
    signal.throwIfAborted();
    good = (await showLeak(stage, network.left, signal)) && good;
    good = (await showFlatLine(stage, network.left, signal)) && good;
    good = (await tearDown(stage, network)) && good;
  }
  good = (await verify(stage, before, made)) && good;
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  stage.line();
  stage.line(
    good
      ? `${stage.paint.green('All as promised')}, in ${seconds} s. Next: cofferdam doctor, cofferdam repl, examples/`
      : stage.paint.red('Not as promised: see above.'),
  );
  return good;
}

async function showAs(stage: Stage, host: Host, object: ShownObject, words: string[], flags: string[]) {
  const { options } = parseCommandLine(flags, { environment: {}, terminal: false });
  const view = await loadView(object);
  const { text } = await view.run(words, showContext(host.rt, options));
  stage.prompt(host.name, ['cofferdam', ...flags, object, ...words].join(' '));
  stage.block(text);
}

async function build(stage: Stage, network: Network, signal: AbortSignal): Promise<void> {
  stage.act('A network of three namespaces without names: left ── bridge in hub ── right');
  await connect(network, signal);
  await addRoutes(network, signal);
  await showAs(stage, network.hub, 'link', [], ['-br']);
  await showAs(stage, network.left, 'address', ['dev', 'eth0'], ['-br']);
  await showAs(stage, network.left, 'route', [], []);
}

const SHOWN_EVENTS = 8;

/** The blackhole and the multipath route are the last to come: with them everything before has been heard. */
async function tellWatched(stage: Stage, watched: Listener): Promise<boolean> {
  stage.act('It was watched all the while, by rt.monitor()');
  const complete = await watched.hears(
    ({ object, value }) => object === 'route' && value.dst === '2001:db8::/32',
    2000,
  );
  const { events } = watched;
  const notable = events.filter(({ object, value }) => object !== 'route' || value.protocol === 'static');
  const shown = notable.slice(-SHOWN_EVENTS);
  stage.table(shown.map(describeEvent));
  const count = `${events.length} events heard in left, ${shown.length} of them above`;
  const lost = watched.interruptions > 0 ? `, ${watched.interruptions} interruptions` : ', none lost';
  if (complete) stage.good(`${count}${lost}`);
  else stage.bad(`${count}; the last route was never announced`);
  return complete;
}

async function showLeak(stage: Stage, host: Host, signal: AbortSignal): Promise<boolean> {
  stage.act(`A leak, on purpose: ${LEAKS} sockets opened, used once, and forgotten`);
  const before = countFds();
  const { fds, warnings } = await injectLeaks(host.netns, LEAKS);
  signal.throwIfAborted();
  const after = await settledFds(before);
  const [first] = warnings;
  if (first !== undefined) {
    stage.line(`${stage.paint.yellow(first.name)}: ${first.message}`);
    for (const frame of ownFrames(first.stack ?? '', 2)) stage.line(stage.paint.dim(`    ${frame}`));
  }
  const caught = warnings.length === fds.length && after <= before;
  const count = `${warnings.length} of ${fds.length} reported, each once, with the line that opened it`;
  if (caught) stage.good(`${count}; their fds are closed: ${before} before, ${after} after`);
  else stage.bad(`${count}; fds: ${before} before, ${after} after`);
  return caught;
}

/** The fd count once it is down to `wanted`, or after some time: closing takes a turn of the event loop. */
async function settledFds(wanted: number): Promise<number> {
  let fds = countFds();
  for (let turn = 0; turn < 50 && fds > wanted; turn++) {
    await sleep(5);
    fds = countFds();
  }
  return fds;
}

async function showFlatLine(stage: Stage, host: Host, signal: AbortSignal): Promise<boolean> {
  const cycle = async () => {
    signal.throwIfAborted();
    await using rt = await RouteSocket.open({ netns: host.netns });
    for (let i = 0; i < GETS_PER_OPEN; i++) await rt.link.get('eth0');
  };
  const iterations = await affordable(cycle);
  const [opens, gets] = [iterations, iterations * GETS_PER_OPEN].map((count) => count.toLocaleString('en'));
  stage.act(`The flat line: ${opens} sockets opened and closed, ${gets} requests`);
  const report = await observeFds(cycle, { iterations, samples: 32, stacks: false });
  stage.block(fdChart(report.samples, iterations).join('\n'));
  const { before, after, durationMs } = report;
  const verdict = `fds ${before.fds} before, ${after.fds} after, in ${(durationMs / 1000).toFixed(1)} s`;
  if (report.flat) stage.good(`${verdict}: flat, say the registry, /proc/self/fd and libuv`);
  else stage.bad(`${verdict}: ${report.leaked.map(({ fd, kind }) => `${kind} fd ${fd}`).join(', ')}`);
  return report.flat;
}

/** How many cycles fit the budget, in hundreds, OPENS at most. */
async function affordable(cycle: () => Promise<void>): Promise<number> {
  const trials = 20;
  const start = performance.now();
  for (let i = 0; i < trials; i++) await cycle();
  const each = (performance.now() - start) / trials;
  return Math.min(OPENS, Math.max(100, Math.floor(BUDGET / each / 100) * 100));
}

/** Closing a namespace's last handle ends it. That it did is the kernel's word: the other end of its veth goes. */
async function tearDown(stage: Stage, { hub, left, right }: Network): Promise<boolean> {
  stage.act('All of it goes, by closing handles: no name, no mount, nothing to delete');
  await using watched = new Listener(await hub.rt.monitor(['link']));
  let gone = true;
  for (const host of [left, right]) {
    await closeHost(host);
    const port = `to-${host.name}`;
    const heard = await watched.hears(
      ({ type, object, value }) => type === 'del' && object === 'link' && value.ifname === port,
      TEARDOWN_PATIENCE,
    );
    if (heard) stage.good(`${host.name} closed; the kernel ended it, and ${port} in hub with it`);
    else stage.bad(`${host.name} closed, but ${port} in hub is still there`);
    gone &&= heard;
  }
  return gone;
}

/** A host has other users: a new name is ours if its namespace is, a new link if it bears a name that we gave. */
async function verify(stage: Stage, before: Outside, made: ReadonlySet<number>): Promise<boolean> {
  const { opened } = handles.diff(before.handles);
  const fds = await settledFds(before.fds.size);
  const after = await lookOutside();
  const strange = [...after.fds].filter(([fd, target]) => before.fds.get(fd) !== target);
  const names = [...after.names].filter(([name, inode]) => !before.names.has(name) && made.has(inode));
  const links = after.links.filter((name) => !before.links.includes(name) && LINKS.includes(name));
  const left = [
    ...opened.map((info) => `handle ${describeHandle(info)}`),
    ...(fds > before.fds.size ? strange.map(([fd, target]) => `fd ${fd} ${target}`) : []),
    ...names.map(([name]) => `namespace ${name}`),
    ...links.map((name) => `link ${name}`),
  ];
  if (left.length === 0) {
    stage.good(`nothing left behind: 0 handles, 0 fds (${fds} as before), 0 namespaces, 0 links`);
  }
  for (const thing of left) stage.bad(`left behind: ${thing}`);
  return left.length === 0;
}
