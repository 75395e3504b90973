// A Worker that opens things, says so, and is ended from outside with all of them open.
import { parentPort, workerData } from 'node:worker_threads';
import { handles, Netns, RouteSocket } from 'cofferdam';

const { netns, busy, exit } = workerData;
const held = [await RouteSocket.open(), await RouteSocket.open({ netns }), await Netns.open(netns)];
held.push(await held[0].monitor(['link']));
// A reader that waits for news keeps the loop alive: the Worker stays until it is terminated.
(async () => {
  for await (const _ of held[3]);
})();
if (exit === true) process.exit(0);
parentPort.postMessage(handles.list().length);
// Ended in the middle of requests, or waiting.
while (busy === true) await held[0].route.list();
