// Runs a program in a network namespace of its own, which is gone with it:
//
//     node examples/run-in-netns.mjs ip link
import { Netns, Process, RouteSocket } from 'cofferdam';

const argv = process.argv.slice(2);
const netns = await Netns.create();
const rt = await RouteSocket.open({ netns });
await rt.link.set('lo', { up: true });
const child = await Process.spawn(argv.length === 0 ? ['ip', 'link'] : argv, {
  netns,
  mounts: { sysfs: true },
  deathSignal: 'SIGKILL',
});
// It dies with us, whatever becomes of us: close(), the end of this program, or the deathSignal sees to that.
const exit = await child.wait();
child.close();
rt.close();
netns.close();
process.exitCode = exit.reason === 'exited' ? exit.exitCode : 1;
