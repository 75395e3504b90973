import { release } from 'node:os';
import { loadBinding, packageVersion } from '../handle/native-binding.ts';
import { UsageError } from './args.ts';
import { describeFailure, EXIT } from './exit.ts';
import { type Command, PROGRAMS, type Program, resolveObject } from './objects.ts';
import { type GlobalOptions, type ParsedCommandLine, parseCommandLine } from './options.ts';
import { formatJson } from './show/json.ts';
import { objectUsage, USAGE } from './usage.ts';

/** Runs one command line: data to stdout, talk to stderr. Resolves to the exit code; never rejects. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const surroundings = { environment: process.env, terminal: process.stdout.isTTY === true };
  let trace = argv.includes('--trace') || (process.env.COFFERDAM_DEBUG ?? '') !== '';
  try {
    const line = parseCommandLine(argv, surroundings);
    trace = line.options.trace;
    return await dispatch(line);
  } catch (error) {
    const { exitCode, text } = describeFailure(error, trace);
    process.stderr.write(`${text}\n`);
    return exitCode;
  }
}

async function dispatch({ options, program, words }: ParsedCommandLine): Promise<number> {
  const [word, ...rest] = words;
  if (options.version) return await runCommand('version', [], options, program);
  if (options.batch !== undefined) {
    return await (await import('./batch.ts')).runBatch(options.batch, options, program);
  }
  if (word === undefined) {
    if (!options.help) throw new UsageError(USAGE.trimEnd());
    return print(USAGE);
  }
  const meant = resolveObject(word, program);
  if ('command' in meant) {
    return await runCommand(meant.command, options.help ? ['--help'] : rest, options, program);
  }
  if (options.help) return print(await helpAbout(word, program));
  return await (await import('./session.ts')).runObject(meant, rest, options);
}

/** Commands that tell their words themselves. */
const OWN_HELP = ['run', 'systems', 'doctor', 'explain', 'repl', 'tour'] as const;

async function runCommand(
  command: Command,
  words: readonly string[],
  options: GlobalOptions,
  program: Program,
): Promise<number> {
  switch (command) {
    case 'help': {
      const [about] = words;
      if (about === undefined || about === '--help') return print(USAGE);
      const own = OWN_HELP.find((name) => name === about && program === 'ip');
      if (own !== undefined) return await runCommand(own, ['--help'], options, program);
      return print(await helpAbout(about, program));
    }
    case 'version':
      return print(version(options));
    case 'run':
      return await (await import('./system/run.ts')).runInSystem(words, options);
    case 'systems':
      return await (await import('./system/command.ts')).systemsCommand(words, options);
    case 'doctor':
      return await (await import('./doctor/command.ts')).doctorCommand(words, options);
    case 'explain':
      return await (await import('./explain.ts')).explainCommand(words, options);
    case 'repl':
      return await (await import('./repl.ts')).replCommand(words, options);
    case 'tour':
      return await (await import('./tour/command.ts')).tourCommand(words, options);
  }
}

async function helpAbout(word: string, program: Program): Promise<string> {
  if (PROGRAMS.some((name) => name === word)) return USAGE;
  const meant = resolveObject(word, program);
  if ('command' in meant || meant.entry.load === undefined) return USAGE;
  return objectUsage(await meant.entry.load(), program);
}

function print(text: string): number {
  process.stdout.write(text);
  return EXIT.ok;
}

function version(options: GlobalOptions): string {
  let addon: string;
  try {
    addon = loadBinding().version;
  } catch {
    addon = 'cannot be loaded';
  }
  const facts = { cofferdam: packageVersion(), addon, node: process.versions.node, kernel: release() };
  if (options.json) return `${formatJson(facts, options.pretty)}\n`;
  return `cofferdam ${facts.cofferdam}, addon ${facts.addon}, Node.js ${facts.node}, Linux ${facts.kernel}\n`;
}
