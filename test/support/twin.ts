import { execFileSync, spawnSync } from 'node:child_process';
import { vi } from 'vitest';
import { runCommandLine } from '../../src/cli/command.ts';
import { type CompareOptions, compareJson, describe as describeDifferences, parseIpJson } from './diff.ts';
import { lookUntil } from './look.ts';
import { addNetns, delNetns, settleCarriers } from './netns.ts';

/**
 * Two network namespaces with the same links. `ip` changes one, our command line the other, by the same words; then
 * `ip` looks at both.
 */

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let twins = 0;

export class Twin implements Disposable {
  readonly #names: readonly [string, string];
  readonly #program: string;
  /** Lines that were run, and how many of them were refused. */
  lines = 0;
  refused = 0;

  /** `setup`: lines of `ip -batch` that both namespaces begin with. */
  constructor(setup: readonly string[], program = 'ip') {
    const base = `cofferdam-test-${process.pid}-twin${twins++}`;
    this.#names = [`${base}a`, `${base}b`];
    this.#program = program;
    for (const name of this.#names) {
      addNetns(name);
      execFileSync('ip', ['-n', name, '-batch', '-'], { input: `${setup.join('\n')}\n` });
    }
    for (const name of this.#names) settleCarriers(name);
  }

  [Symbol.dispose](): void {
    for (const name of this.#names) delNetns(name);
  }

  get theirs(): string {
    return this.#names[0];
  }
  get ours(): string {
    return this.#names[1];
  }

  /** Runs any program in both. */
  exec(...command: string[]): void {
    for (const name of this.#names) execFileSync('ip', ['netns', 'exec', name, ...command]);
  }

  runTheirs(words: readonly string[], input?: Uint8Array): Outcome {
    const { status, stdout, stderr } = spawnSync(this.#program, ['-n', this.theirs, ...words], {
      ...(input !== undefined && { input }),
    });
    return { code: status ?? -1, stdout: stdout.toString(), stderr: stderr.toString() };
  }

  /** In this process, with what it prints taken away. */
  async runOurs(words: readonly string[]): Promise<Outcome> {
    const program = this.#program === 'ip' ? [] : [this.#program];
    return await captured(['-n', this.ours, ...program, ...words]);
  }

  /**
   * Runs a line in both and says where they differ: undefined for nowhere. `show` is what `ip` is asked afterwards of
   * both, by default the object of the line.
   */
  async differs(line: string, options: LineOptions = {}): Promise<string | undefined> {
    const words = line.split(' ').filter((word) => word !== '');
    const theirs = this.runTheirs(words);
    const ours = await this.runOurs(words);
    this.lines++;
    if (theirs.code !== 0) this.refused++;
    const complaint = compareOutcomes(theirs, ours, options.words) ?? (await this.#differ(options));
    return complaint && `${this.#program} ${line}\n${complaint}`;
  }

  async #differ({ show = [], words: _, patience, ...compare }: LineOptions): Promise<string | undefined> {
    for (const look of show) {
      // Carriers and addresses come up by themselves, on a busy machine a second later in one namespace than in the other.
      const found = await lookUntil(
        () => this.#compare(look, compare),
        (difference) => difference === undefined,
        patience,
      );
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #compare(look: string, options: CompareOptions): string | undefined {
    const [theirs, ours] = this.#names.map((name) => this.#look(name, look));
    const { differences } = compareJson(sorted(theirs ?? ''), sorted(ours ?? ''), options);
    return differences.length > 0 ? `${look}: ${describeDifferences(differences, 4)}` : undefined;
  }

  #look(name: string, line: string): string {
    return execFileSync(this.#program, ['-n', name, '-d', '-j', ...line.split(' ')], {
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
  }
}

export interface LineOptions extends CompareOptions {
  /** What to look at afterwards: `route show table all`, ... */
  readonly show?: readonly string[];
  /** `any`: of a line with several mistakes either may complain of another one. Default: the same words. */
  readonly words?: 'any';
  /** Milliseconds for which a difference is looked at again: for those that are meant to stay. */
  readonly patience?: number;
}

/** In which order the kernel tells of things that came up by themselves is a matter of the moment. */
function sorted(json: string): unknown[] {
  return parseIpJson(json)
    .map((value) => ({ value, text: JSON.stringify(value) }))
    .sort((one, other) => (one.text < other.text ? -1 : 1))
    .map(({ value }) => value);
}

/** iproute2's exit(-1) is our "wrong words"; all other codes are the same. */
const WRONG_WORDS = 255;
/** Addresses that are none, for which iproute2 exits with 1: to us they are wrong words too. */
const WRONG_ADDRESS = /^Error: .* is expected rather than /;

/** A flush that gave up: with iproute2 the sign of its code gets lost. */
const UNFINISHED = /^\*\*\* Flush remains incomplete/;

function compareOutcomes(theirs: Outcome, ours: Outcome, words?: 'any'): string | undefined {
  if (theirs.code === WRONG_WORDS && ours.code === 1 && UNFINISHED.test(theirs.stderr)) return undefined;
  const wrong = theirs.code === WRONG_WORDS || WRONG_ADDRESS.test(theirs.stderr);
  const code = wrong ? 2 : theirs.code;
  if (ours.code !== code)
    return `exit code ${code} expected, ${ours.code} found: ${theirs.stderr}${ours.stderr}`;
  if (!sameOutput(theirs.stdout, ours.stdout))
    return `stdout: ${theirs.stdout} expected, found: ${ours.stdout}`;
  const said = complaint(theirs.stderr);
  // A screen of usage stands for any complaint of ours, so long as there is one.
  if (said.startsWith('Usage: ') || (words === 'any' && said !== ''))
    return ours.stderr === '' ? 'words expected, nothing said' : undefined;
  const own = complaint(ours.stderr)
    .replaceAll(/"cofferdam (bridge|tc) /g, '"$1 ')
    .replaceAll('"cofferdam ', '"ip ');
  return said === own ? undefined : `stderr: ${said} expected, found: ${own}`;
}

function sameOutput(theirs: string, ours: string): boolean {
  if (theirs === ours) return true;
  const isJson = theirs.startsWith('[') && ours.startsWith('[');
  return isJson && compareJson(parseIpJson(theirs), parseIpJson(ours)).differences.length === 0;
}

/** Without what we add: the attribute that a refusal is about. */
function complaint(stderr: string): string {
  return stderr
    .split('\n')
    .filter(
      (line) =>
        line !== '' && !/^ {2}(about|missing) [A-Z]/.test(line) && !/^(Dump|Flush) terminated$/.test(line),
    )
    .join('\n');
}

/** Runs a command line in this process and keeps what it prints. */
export async function captured(argv: readonly string[]): Promise<Outcome> {
  const printed = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((stream) =>
    vi.spyOn(process[stream], 'write').mockImplementation((chunk) => {
      printed[stream] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString('latin1');
      return true;
    }),
  );
  try {
    const code = await runCommandLine(argv);
    return { code, ...printed };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
