// Enters network namespaces in every way that the package has, well and badly, on this thread and in Workers, and
// prints what came of it and which threads of the process were left elsewhere.
//
//   node entries.mjs URL_OF_THE_PACKAGE ROUNDS WORKERS
import { readdirSync, readlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';

const { url, rounds, workers } = isMainThread
  ? { url: process.argv[2], rounds: Number(process.argv[3]), workers: Number(process.argv[4]) }
  : workerData;
const { GenericSocket, Netns, RouteSocket } = await import(url);

const entries = (ns) => ({
  create: async () => (await Netns.create()).close(),
  socket: async () => (await ns.socket('inet', 'stream')).close(),
  'socket of no family': async () => (await ns.socket(9999, 'stream')).close(),
  'socket of no protocol': async () => (await ns.socket('inet', 'stream', 17)).close(),
  RouteSocket: async () => (await RouteSocket.open({ netns: ns })).close(),
  GenericSocket: async () => (await GenericSocket.open({ netns: ns })).close(),
  'RouteSocket in no netns': async () => (await RouteSocket.open({ netns: '/proc/self/ns/uts' })).close(),
  'monitor and batch': async () => {
    const rt = await RouteSocket.open({ netns: ns });
    try {
      (await rt.monitor(['link'])).close();
      await rt.batch((b) => [b.link.set('lo', { up: true })]);
    } finally {
      rt.close();
    }
  },
});

/** What each way of entering came to, each result once. */
async function enterEverything() {
  const seen = {};
  const ns = await Netns.current();
  const abroad = await Netns.create().catch(() => undefined);
  for (let round = 0; round < rounds; round++) {
    for (const [name, enter] of Object.entries(entries(abroad ?? ns))) {
      seen[name] ??= [];
      const result = await enter().then(
        () => 'ok',
        (error) => error.code ?? String(error),
      );
      if (!seen[name].includes(result)) seen[name].push(result);
    }
  }
  abroad?.close();
  ns.close();
  return seen;
}

/** A thread on its way out still shows where it was: each gets a moment. */
async function threadsAbroad() {
  const look = () =>
    readdirSync('/proc/self/task').filter((tid) => {
      try {
        return readlinkSync(`/proc/self/task/${tid}/ns/net`) !== readlinkSync('/proc/self/ns/net');
      } catch {
        return false; // it has ended
      }
    });
  let found = look();
  for (let wait = 0; found.length > 0 && wait < 2000; wait++) {
    await sleep(5);
    found = look();
  }
  return found.length;
}

if (!isMainThread) {
  parentPort.postMessage(await enterEverything());
} else {
  const data = { url, rounds, workers };
  const threads = Array.from(
    { length: workers },
    () =>
      new Promise((resolve, reject) => {
        const worker = new Worker(fileURLToPath(import.meta.url), { workerData: data });
        worker.once('message', (seen) => worker.once('exit', () => resolve(seen))).once('error', reject);
      }),
  );
  const seen = [await enterEverything(), ...(await Promise.all(threads))];
  console.log(
    JSON.stringify({ seen, threads: readdirSync('/proc/self/task').length, abroad: await threadsAbroad() }),
  );
}
