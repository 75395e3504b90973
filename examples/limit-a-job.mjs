// Runs a program in a cgroup of its own, with limits as far as this host has the controllers, and tells what happens:
//
//     node examples/limit-a-job.mjs sh -c 'sleep 1; echo done'
import { Cgroup, MissingControllerError, Process } from 'cofferdam';

const limits = { memory: { max: '256M', oomGroup: true }, pids: { max: 64 }, cpu: { max: '50000 100000' } };
const options = { removeOnDispose: true };
const argv = process.argv.slice(2);

const job = await Cgroup.create('/', `job-${process.pid}`, limits, options).catch((error) => {
  if (!(error instanceof MissingControllerError)) throw error;
  console.error(`without limits: ${error.message}`);
  return Cgroup.create('/', `job-${process.pid}`, {}, options);
});
try {
  // Before the program starts: what happens to it is between here and its end.
  const events = job.events();
  const child = await Process.spawn(argv.length > 0 ? argv : ['true'], { cgroup: job });
  const exit = await child.wait();
  const { cpu, memory } = await job.stat();
  // With everything that the program has left running.
  await job.remove({ recursive: true });
  for await (const event of events) console.error(event);
  const end = exit.reason === 'exited' ? `exit code ${exit.exitCode}` : 'killed';
  console.error(`${end}, ${cpu?.usageUsec} us of CPU time, ${memory?.peak ?? '?'} bytes at most`);
} finally {
  // What `await using` would call: nothing is left, whatever went wrong.
  await job[Symbol.asyncDispose]();
}
