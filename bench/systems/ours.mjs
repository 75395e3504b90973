/** What is measured of disposable systems; microseconds, unless it says otherwise. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { hierarchy } from '../peers/world.mjs';
import { BRIDGE } from './world.mjs';

const at = (name) => fileURLToPath(new URL(name, import.meta.url));
/** Nobody wakes who waits for it. */
const never = new Int32Array(new SharedArrayBuffer(4));
const countsPids = readFileSync(join(hierarchy, 'cgroup.controllers'), 'utf8').includes('pids');

export async function ours(dist, group, layer) {
  const { System, SystemPool } = await import(dist);
  let number = 0;
  const name = () => `bench-${number++}`;
  const timed = async (work) => {
    const start = performance.now();
    await work();
    return (performance.now() - start) * 1000;
  };

  const whole = (config) =>
    timed(async () => {
      const box = await System.create({ name: name(), group, root: { layers: [layer] }, ...config });
      const { exitCode } = await box.run(['/true'], { stdio: 'ignore' });
      if (exitCode !== 0) throw new Error(`true: ${exitCode}`);
      await box.stop({ gracePeriod: 0 });
    });

  return {
    cold: () => whole({}),

    /** All of a system that its tenant waits for: making the next one is somebody else's time. */
    async pooled(count) {
      const pool = await SystemPool.create({ name: 'pooled', group, root: { layers: [layer] } }, { size: 1 });
      const times = [];
      for (let i = 0; i < count; i++) {
        while (pool.ready === 0) await sleep(1);
        times.push(
          await timed(async () => {
            const box = await pool.take();
            const { exitCode } = await box.run(['/true'], { stdio: 'ignore' });
            if (exitCode !== 0) throw new Error(`true: ${exitCode}`);
            await box.stop({ gracePeriod: 0 });
          }),
        );
      }
      await pool.close();
      return times;
    },

    veth: () =>
      whole({ network: { bridge: BRIDGE, address: '10.77.0.2/24', gateway: '10.77.0.1', nat: true } }),

    async reclaim(processes) {
      const limits = countsPids ? { resource_limits: { pids: { max: processes + 10 } } } : {};
      const box = await System.create({ name: name(), group, ...limits });
      const script = `i=0; while [ $i -lt ${processes} ]; do sleep 1000 & i=$((i+1)); done; echo; exec sleep 1000`;
      const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
      await once(command.stdout, 'data');
      return await timed(() => box.stop({ gracePeriod: 0 }));
    },

    /** From kill -9 to the moment when there is no cgroup any more, which is the last thing to go. */
    async ownerKilled() {
      const own = `${group}-owned`;
      const owner = spawn(process.execPath, [at('owner.mjs'), dist, own], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(owner.stdout, 'data');
      return await timed(async () => {
        owner.kill('SIGKILL');
        const start = performance.now();
        // Asleep in between, so that who looks is in nobody's way; a turn of the event loop would cost a millisecond.
        while (existsSync(join(hierarchy, own))) {
          if (performance.now() - start > 10_000) throw new Error('something is left');
          Atomics.wait(never, 0, 0, 0.2);
        }
      });
    },

    /** Milliseconds, in a program of that size. */
    held(count, mebibytes) {
      const words = [at('held.mjs'), dist, group, layer, String(count), String(mebibytes)];
      return JSON.parse(execFileSync(process.execPath, words, { encoding: 'utf8' }));
    },

    /** Systems in a second, `lanes` at a time. */
    async perSecond(count, lanes) {
      const lane = async () => {
        for (let i = 0; i < count / lanes; i++) await whole({});
      };
      const took = await timed(() => Promise.all(Array.from({ length: lanes }, lane)));
      return (count / took) * 1e6;
    },
  };
}
