/** `cofferdam run`: a program in a system of its own. */
import { closeSync, openSync, writeFileSync } from 'node:fs';
import { fromNodeError } from '../../handle/errors.ts';
import { type Command, System, type SystemEnd } from '../../system/index.ts';
import { UsageError } from '../args.ts';
import { EXIT } from '../exit.ts';
import type { GlobalOptions } from '../options.ts';
import { Progress } from '../progress.ts';
import { formatJson } from '../show/json.ts';
import { say, startProgram, tell } from './program.ts';
import { codeOf, SignalRelay } from './relay.ts';
import { endRecord, endText } from './run-end.ts';
import { eventText, followEvents } from './run-events.ts';
import { readRunWords } from './run-words.ts';
import { specOf } from './spec.ts';
import { stdioOptions, TerminalRelay } from './terminal.ts';

const USAGE = `Usage: cofferdam run [ OPTIONS ] [ -- ] PROGRAM [ ARGUMENTS ]
Runs a program in a system of its own (namespaces, a cgroup, a root whose changes vanish) of which nothing is left when
it ends, whatever ends it. Options stand above what the file says.

  --config FILE               the configuration in YAML, docs/systems-config.md; - is stdin
  --name NAME --group GROUP   build-123 and ci-jobs, or --name ci-jobs/build-123
  --memory SIZE --memory-high SIZE --swap SIZE
  --cpus N                    CPUs, as 1.5, or as in cpu.max: '50000 100000'
  --cpu-weight N --pids N --io-weight N
  --io-max SIZE               bytes a second, read and written
  --timeout TIME --grace TIME 1h, 90s, 500ms or seconds: until it is ended, and from SIGTERM to SIGKILL
  --bind SOURCE[:TARGET[:ro]] a path of the host's inside; may be given again
  --layer DIRECTORY           the root, in place of the host's; given again, the topmost first
  --env NAME[=VALUE]          without a value, that of here; nothing else is inherited but TERM on a terminal
  --workdir DIRECTORY --user UID[:GID] --hostname NAME
  --network none|host|BRIDGE  --address ADDRESS/LENGTH --gateway ADDRESS --nat --publish [ADDRESS:]PORT:PORT[/udp]
  --logs SIZE                 keeps so much of what it writes, for "cofferdam systems logs"
  --no-tty                    passes our terminal on as it is: no job control in it, and Ctrl-Z is ours alone
  --report FILE               how it ended, in JSON; with -j or --json it is the last line on stderr
  -d, --details               which defaults this host cannot keep; -q, --quiet says nothing of them, nor of what
                              is used too much for too long (monitoring of the configuration)
  --rm                        is taken, and is how it always is

stdin, stdout and stderr are the program's. Where stdin and stdout are a terminal, it gets one of the system's own, which is the
same to it: keys, size and job control. SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 and SIGCONT are
passed on; a second SIGINT ends everything at once. What the program leaves running is ended with it.

Exit code: that of the program, 128 and the number for a signal; 127 where there is no such program, 126 where it cannot be
run; otherwise 1 for a failure, 2 for wrong words, 77 where a privilege is missing.
`;

/** Resolves to the exit code. */
export async function runInSystem(args: readonly string[], options: GlobalOptions): Promise<number> {
  const request = readRunWords(args);
  if (request.switches.has('help')) {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  if (request.argv.length === 0) throw new UsageError('No program to run, try "cofferdam run --help".');
  const spec = specOf(request);
  const report = openReport(request.report);
  const verbosity = {
    json: options.json || request.switches.has('json'),
    details: options.details || request.switches.has('details'),
    quiet: request.switches.has('quiet'),
  };
  using relay = new SignalRelay();
  try {
    await using box = await System.fromSpec(spec, { signal: relay.signal });
    relay.keep();
    if (relay.ended !== undefined) return codeOf(relay.ended);
    warn(box.warnings, verbosity);
    const command = await startProgram(box, request.argv, stdioOptions(request.switches.has('no-tty')));
    if (typeof command === 'number') return command;
    relay.passOnTo({ box, command, hasten: () => box.stop({ gracePeriod: 0 }) });
    return await follow(box, command, report, verbosity);
  } catch (error) {
    if (relay.ended === undefined) throw error;
    return codeOf(relay.ended);
  } finally {
    if (report !== undefined) closeSync(report);
  }
}

interface Verbosity {
  readonly json: boolean;
  readonly details: boolean;
  readonly quiet: boolean;
}

async function follow(
  box: System,
  command: Command,
  report: number | undefined,
  { json, quiet }: Verbosity,
): Promise<number> {
  const began = performance.now();
  const following = followEvents(box, (event) => {
    if (!json && !quiet) say(eventText(event));
  });
  using terminal = new TerminalRelay(command.terminal);
  const result = await command.wait();
  const end = await stopped(box, json || quiet);
  await terminal.drained();
  terminal[Symbol.dispose]();
  const text = endText(box.spec, result, end);
  if (text !== undefined) say(text);
  for (const { error } of end.exports) if (error !== undefined) say(error.message);
  const record = formatJson(endRecord(box, result, end, performance.now() - began, await following));
  if (json) tell(record);
  if (report !== undefined) writeFileSync(report, `${record}\n`);
  return result.exitCode;
}

/** What the program has left running has the grace period. */
async function stopped(box: System, silent: boolean): Promise<SystemEnd> {
  const { name, cgroup, spec } = box;
  const timeout = spec.lifecycle.gracePeriod;
  using _progress = new Progress({ what: `what still runs in ${name}`, cgroup, timeout }, silent);
  return await box.stop();
}

/** Before anything runs: a report that cannot be written is known at once. */
function openReport(file: string | undefined): number | undefined {
  try {
    return file === undefined ? undefined : openSync(file, 'w');
  } catch (error) {
    throw fromNodeError(error);
  }
}

function warn(warnings: readonly string[], { json, details, quiet }: Verbosity): void {
  if (quiet || json || warnings.length === 0) return;
  if (details) for (const warning of warnings) say(warning);
  else {
    const many = warnings.length === 1 ? '1 controller' : `${warnings.length} controllers`;
    say(`this host cannot keep default limits of ${many}: -d says which and why`);
  }
}
