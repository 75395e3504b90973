/** What the tests of single fields of a configuration have in common. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { expect, type TestContext } from 'vitest';
import type { SystemConfig } from '../../../src/system/config/index.ts';
import { type Command, type RunResult, System, type SystemEnd } from '../../../src/system/index.ts';
import { mount } from '../../support/cgroup.ts';

export const GROUP = `cofferdam-test-${process.pid}`;
/** Of all systems of these tests. */
export const GROUP_DIRECTORY = `${mount}/${GROUP}`;

export type FieldTest = (context: TestContext) => Promise<void>;

/** A part of the fields, each by its name in the schema, and what their tests need. */
export interface Chapter {
  /** Registers hooks. */
  readonly setup?: () => void;
  readonly fields: Readonly<Record<string, FieldTest>>;
}

let count = 0;
/** Nobody has the name, and nobody waits for a grace period. */
export const create = (config: SystemConfig = {}): Promise<System> =>
  System.create({
    name: `box-${++count}`,
    group: GROUP,
    ...config,
    lifecycle: { grace_period: 0, ...config.lifecycle },
  });

export interface Outcome {
  readonly result: RunResult;
  readonly end: SystemEnd;
  readonly output: string;
  /** Milliseconds. */
  readonly took: number;
}

/** Runs a script in a system of its own, which keeps all that was asked for. */
export async function inside(script: string, config: SystemConfig = {}): Promise<Outcome> {
  await using box = await create(config);
  expect(box.warnings).toEqual([]);
  const start = performance.now();
  const { command, output } = await say(box, script);
  const result = await command.wait({ timeout: 50_000 });
  const took = performance.now() - start;
  return { result, output, took, end: await box.stop({ gracePeriod: 0 }) };
}

/** What a script says, line by line. */
export async function lines(script: string, config: SystemConfig = {}): Promise<string[]> {
  return (await inside(script, config)).output.split('\n');
}

export async function say(
  box: Pick<System, 'start'>,
  script: string,
): Promise<{ command: Command; output: string }> {
  const command = await box.start(['sh', '-c', script], { stdio: ['ignore', 'pipe', 'inherit'] });
  return { command, output: (await text(command.stdout as Readable)).trim() };
}

/** Starts it and goes on. */
export const shell = (box: System, script: string): Promise<Command> =>
  box.start(['sh', '-c', script], { stdio: 'ignore' });

export const BUSY = 'while :; do :; done';

/** A file of a system's cgroup. */
export const fileOf = (box: System, file: string): string =>
  readFileSync(`${mount}${box.cgroup}/${file}`, 'utf8').trim();

/** Of a file of numbers by keys: 'oom_kill 1'. */
export function counterOf(box: System, file: string, key: string): number {
  return Number(new RegExp(`^${key} (\\d+)$`, 'm').exec(fileOf(box, file))?.[1]);
}
