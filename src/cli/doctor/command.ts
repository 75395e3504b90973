import { packageVersion } from '../../handle/native-binding.ts';
import { UsageError } from '../args.ts';
import { EXIT } from '../exit.ts';
import { type GlobalOptions, ownColor, parseCommandLine } from '../options.ts';
import { formatJson } from '../show/json.ts';
import {
  checkCapabilities,
  checkCgroups,
  checkFdLimit,
  checkInotify,
  checkKernel,
  checkUserNamespaces,
  userNamespaceProblem,
} from './host.ts';
import { checkAddon, checkLinkKinds, checkNetns, checkStrict } from './probes.ts';
import { isHealthy, type Report, reportJson, reportText } from './report.ts';

const USAGE = `Usage: cofferdam doctor [ -j[son] [ -p[retty] ] ]
Tells what this host lets cofferdam do, what not, and why. Changes nothing. Exit code 1 if the main job won't work.
`;

export async function doctorCommand(words: readonly string[], options: GlobalOptions): Promise<number> {
  const surroundings = { environment: process.env, terminal: process.stdout.isTTY === true };
  const own = parseCommandLine(words, surroundings);
  if (own.words[0] !== undefined && own.words[0] !== 'help') {
    throw new UsageError(`Argument "${own.words[0]}" is unknown, try "cofferdam doctor --help".`);
  }
  if (options.help || own.options.help || own.words[0] === 'help') {
    process.stdout.write(USAGE);
    return EXIT.ok;
  }
  const report = await examine();
  const json = options.json || own.options.json;
  const color = ownColor(own.options.colorGiven ? own.options : options);
  process.stdout.write(
    json
      ? `${formatJson(reportJson(report), options.pretty || own.options.pretty)}\n`
      : reportText(report, color),
  );
  return isHealthy(report) ? EXIT.ok : EXIT.failure;
}

/** Looks at everything. Without the addon the rest of the host is looked at all the same. */
export async function examine(): Promise<Report> {
  const capabilities = checkCapabilities();
  const privileged = capabilities.status === 'ok';
  const problem = userNamespaceProblem();
  const addon = checkAddon();
  const usable = addon.status === 'ok';
  const netns = usable ? await checkNetns(problem === undefined) : undefined;
  const checks = [
    addon,
    checkKernel(),
    ...(usable ? [await checkStrict()] : []),
    ...(netns === undefined ? [] : [netns]),
    await checkLinkKinds(netns?.status === 'ok'),
    capabilities,
    checkUserNamespaces(problem, privileged),
    checkCgroups(),
    checkFdLimit(),
    checkInotify(),
  ];
  return { title: `cofferdam ${packageVersion()}, Node.js ${process.versions.node}`, checks };
}
