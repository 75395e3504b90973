import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { TestContext } from 'vitest';
import { isLinux } from '../../src/handle/linux.ts';

/** What a test needs of the machine that it runs on. */
export interface Needs {
  /** The oldest Linux that will do: `5.14`. */
  readonly linux?: string;
  /** The first Linux that will not do any more: `6.3`. */
  readonly before?: string;
  /** A module, loaded or not, or built in: `bonding`. */
  readonly module?: string;
  /** A controller that the root of the cgroup2 hierarchy has: `memory`. */
  readonly controller?: string;
}

declare module 'vitest' {
  interface TaskMeta {
    /** Why it was skipped, for the count of `npm test`. */
    note?: string;
  }
}

/** Skips the test, and says why, unless this machine has what it needs. */
export function needs(context: TestContext, wanted: Needs): void {
  const lacking = lack(wanted);
  if (lacking !== undefined) skip(context, lacking);
}

/** Skips the test; `npm test` counts it with the reason. */
export function skip(context: TestContext, reason: string): never {
  context.task.meta.note = reason;
  context.skip(reason);
}

/** What is missing here, in words; undefined: nothing. */
export function lack({ linux, before, module, controller }: Needs): string | undefined {
  if (linux !== undefined && !isLinux(linux)) return `Linux ${linux} or later`;
  if (before !== undefined && isLinux(before)) return `Linux before ${before}`;
  if (module !== undefined && !modules().has(module)) return `the module ${module}`;
  if (controller !== undefined && !controllers().includes(controller))
    return `the cgroup v2 controller ${controller}`;
  return undefined;
}

/** How often a test does what it does `times` on a host: a guest is 15 to 20 times slower. */
export function often(times: number): number {
  return process.env.COFFERDAM_GUEST === undefined ? times : Math.ceil(times / 5);
}

function text(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Names as modprobe takes them, with underscores. */
function modules(): Set<string> {
  const directory = `/lib/modules/${release()}`;
  const files = text(`${directory}/modules.dep`) + text(`${directory}/modules.builtin`);
  return new Set(
    [...files.matchAll(/^[^:\n]*\/([^/:\n]+)\.ko/gm)].map(([, name]) => name?.replaceAll('-', '_') ?? ''),
  );
}

function controllers(): string[] {
  const mount = /^\S+ \S+ \S+ \S+ (\S+) .* - cgroup2 /m.exec(text('/proc/self/mountinfo'))?.[1];
  return mount === undefined ? [] : text(`${mount}/cgroup.controllers`).trim().split(' ');
}
