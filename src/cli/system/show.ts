/** Systems as a table, and one with all that is known of it. */
import { Cgroup } from '../../cgroup/index.ts';
import { columns } from '../../repl/terminal.ts';
import type { SystemEntry } from '../../system/index.ts';
import { bytes, showText } from '../cgroup/show.ts';
import type { JsonObject } from '../show/view.ts';

const HEADINGS = ['NAME', 'GROUP', 'AGE', 'PIDS', 'CPU', 'MEMORY', 'OWNER'];

export function listText(systems: readonly SystemEntry[], now: number = Date.now()): string {
  const rows = systems.map((system) => {
    const { name, group, created, pids, stat } = system;
    const { cpu, memory } = stat;
    return [
      name,
      group || '-',
      age(now - created),
      String(pids.length),
      cpu === undefined ? '-' : `${(Number(cpu.usageUsec) / 1e6).toFixed(1)}s`,
      memory === undefined ? '-' : bytes(memory.current),
      ownerText(system),
    ];
  });
  return `${columns([HEADINGS, ...rows])}\n`;
}

/** '5s', '12m', '3h': the largest unit that fits, without the rest. */
function age(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  return seconds < 86_400 ? `${Math.floor(seconds / 3600)}h` : `${Math.floor(seconds / 86_400)}d`;
}

function ownerText({ owner, ownerAlive, leaseHeld }: SystemEntry): string {
  if (!leaseHeld) return 'none: an orphan';
  return ownerAlive ? `pid ${owner.pid}` : `pid ${owner.pid}, gone`;
}

export async function showSystem(system: SystemEntry): Promise<{ data: JsonObject; text: string }> {
  await using cgroup = await Cgroup.open(system.cgroup);
  const limits = await cgroup.limits();
  const { path, inode, controllers } = cgroup;
  const { name, group, created, pids, stat } = system;
  const rows = [
    ['group', group || 'none'],
    ['created', new Date(created).toISOString()],
    ['owner', ownerText(system)],
  ].map(([key = '', value]) => `    ${key.padEnd(16)} ${value}\n`);
  const facts = showText({ path, inode, controllers, pids, limits, stat });
  return {
    data: { ...system, controllers, limits } as unknown as JsonObject,
    text: `${name}\n${rows.join('')}${facts}`,
  };
}
