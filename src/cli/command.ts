import { release } from 'node:os';
import { loadBinding, packageVersion } from '../handle/native-binding.ts';
import { UsageError } from './args.ts';
import { describeFailure, EXIT } from './exit.ts';
import { type Command, loadView, resolveObject } from './objects.ts';
import { type GlobalOptions, parseCommandLine } from './options.ts';
import { formatJson } from './show/json.ts';
import { objectUsage, USAGE } from './usage.ts';

/** Runs one command line: data to stdout, talk to stderr. Resolves to the exit code; never rejects. */
export async function runCommandLine(argv: readonly string[]): Promise<number> {
  const surroundings = { environment: process.env, terminal: process.stdout.isTTY === true };
  let trace = argv.includes('--trace') || (process.env.COFFERDAM_DEBUG ?? '') !== '';
  try {
    const { options, words } = parseCommandLine(argv, surroundings);
    trace = options.trace;
    return await dispatch(options, words);
  } catch (error) {
    const { exitCode, text } = describeFailure(error, trace);
    process.stderr.write(`${text}\n`);
    return exitCode;
  }
}

async function dispatch(options: GlobalOptions, words: readonly string[]): Promise<number> {
  const [word, ...rest] = words;
  if (options.version) return await runCommand('version', [], options);
  if (word === undefined) {
    if (!options.help) throw new UsageError(USAGE.trimEnd());
    return print(USAGE);
  }
  const meant = resolveObject(word);
  if ('command' in meant) return await runCommand(meant.command, options.help ? ['--help'] : rest, options);
  if (options.help) return print(objectUsage(await loadView(meant.object)));
  const { show } = await import('./show.ts');
  return print(await show(meant.object, rest, options));
}

async function runCommand(
  command: Command,
  words: readonly string[],
  options: GlobalOptions,
): Promise<number> {
  switch (command) {
    case 'help':
      return print(words[0] === undefined ? USAGE : await helpAbout(words[0]));
    case 'version':
      return print(version(options));
    case 'doctor':
      return await (await import('./doctor/command.ts')).doctorCommand(words, options);
    case 'repl':
      return await (await import('./repl.ts')).replCommand(words, options);
    case 'tour':
      return await (await import('./tour/command.ts')).tourCommand(words, options);
  }
}

async function helpAbout(word: string): Promise<string> {
  const meant = resolveObject(word);
  return 'object' in meant ? objectUsage(await loadView(meant.object)) : USAGE;
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
