/**
 * Runs test files in a guest, one after the other in this one process, and reports: what it prints is for people, the
 * report for the host. What the tests leave behind in the guest fails the run, as it does on the host.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type File, startTests, type Task, type Test, type VitestRunner } from '@vitest/runner';
import setup from '../../setup/global-setup.ts';

interface Settings {
  readonly files: readonly string[];
  readonly setupFiles: readonly string[];
  readonly testNamePattern?: string;
  /** Milliseconds that a test may take, unless it says otherwise. */
  readonly testTimeout: number;
}

interface Failure {
  readonly name: string;
  readonly text: string;
}

/** What the host reads. */
interface Report {
  passed: number;
  readonly failed: Failure[];
  /** Each with its reason. */
  readonly skipped: string[];
}

const here = import.meta.dirname;
const settings = JSON.parse(readFileSync(join(here, 'run.json'), 'utf8')) as Settings;
const report: Report = { passed: 0, failed: [], skipped: [] };

function nameOf(task: Task): string {
  const names: string[] = [];
  for (let at: Task | undefined = task; at !== undefined; at = at.suite ?? undefined)
    if (at.name !== '') names.unshift(at.name);
  const file = task.file.name.replace(/\.js$/, '');
  return [file, ...names.filter((name) => name !== task.file.name)].join(' > ');
}

function fail(name: string, errors: readonly { stack?: string; message?: string; diff?: string }[]): void {
  const text = errors.map(({ stack, message, diff }) => [stack ?? message, diff].filter(Boolean).join('\n'));
  report.failed.push({ name, text: text.join('\n') });
  console.log(`  FAILED ${name}\n${text.join('\n').replace(/^/gm, '    ')}`);
}

function settle(test: Test): void {
  const { state = 'skip', errors } = test.result ?? {};
  // What needs() says, or context.skip().
  const note = test.meta.note ?? (test.result as { note?: string } | undefined)?.note;
  if (state === 'pass') report.passed++;
  else if (state === 'fail') fail(nameOf(test), errors ?? []);
  // What the pattern leaves out is nobody's concern.
  else if (settings.testNamePattern === undefined || note !== undefined)
    report.skipped.push(note === undefined ? nameOf(test) : `${nameOf(test)}: ${note}`);
}

/** Files and suites fail by themselves where a hook or the import does. */
function settleAll(tasks: readonly Task[]): void {
  for (const task of tasks) {
    if (task.type === 'test') settle(task);
    else {
      if ((task.result?.errors?.length ?? 0) > 0) fail(nameOf(task), task.result?.errors ?? []);
      settleAll(task.tasks);
    }
  }
}

let imports = 0;
const runner: VitestRunner = {
  config: {
    root: here,
    setupFiles: settings.setupFiles.map((file) => join(here, file)),
    name: undefined,
    passWithNoTests: false,
    testNamePattern:
      settings.testNamePattern === undefined ? undefined : new RegExp(settings.testNamePattern),
    allowOnly: true,
    sequence: { seed: 1, hooks: 'stack', setupFiles: 'list' },
    chaiConfig: undefined,
    maxConcurrency: 1,
    testTimeout: settings.testTimeout,
    hookTimeout: settings.testTimeout,
    retry: 0,
    includeTaskLocation: false,
    tags: [],
    tagsFilter: undefined,
    strictTags: false,
  },
  // On the console, among what the kernel says: of a guest that hangs or panics one wants to know where.
  onBeforeRunTask: (test) => writeFileSync('/dev/kmsg', `<3>test: ${nameOf(test)}\n`),
  // A setup file is run again for each test file.
  importFile: (path) => import(`${path}?${imports++}`),
  onAfterRunSuite(suite) {
    if (!('filepath' in suite)) return;
    const file = suite as File;
    console.log(`${basename(file.name, '.js')}  ${((file.result?.duration ?? 0) / 1000).toFixed(1)} s`);
    settleAll([file]);
  },
};

const teardown = setup();
const files = await startTests(
  settings.files.map((file) => join(here, file)),
  runner,
);
// A file that could not be imported has not been run.
for (const file of files) if (file.result?.state === 'fail' && file.tasks.length === 0) settleAll([file]);
await teardown().catch((error: unknown) => fail('what the tests left behind', [error as Error]));
writeFileSync(process.env.COFFERDAM_REPORT as string, `${JSON.stringify(report)}\n`);
process.exit(0);
