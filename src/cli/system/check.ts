/** `cofferdam systems check`: what is wrong with a configuration. */
import { painter } from '../../repl/terminal.ts';
import { parseSystemConfigs, SystemConfigError, systemConfigOf } from '../../system/config/index.ts';
import { UsageError, type Words } from '../args.ts';
import { EXIT } from '../exit.ts';
import { type GlobalOptions, ownColor } from '../options.ts';
import { formatJson } from '../show/json.ts';
import type { JsonObject } from '../show/view.ts';
import { readConfig } from './spec.ts';

/** The exit code. What is wrong goes to stdout: it is what was asked for. */
export function checkFile(words: Words, options: GlobalOptions): number {
  if (!words.more) throw new UsageError('Not enough information: "FILE" argument is required.');
  const file = words.next();
  if (words.more)
    throw new UsageError(`Argument "${words.next()}" is unknown, try "cofferdam systems help".`);
  const { code, text, data } = outcome(file, options);
  process.stdout.write(`${options.json ? formatJson(data, options.pretty) : text}\n`);
  return code;
}

interface Outcome {
  readonly code: number;
  readonly text: string;
  readonly data: JsonObject;
}

function outcome(file: string, options: GlobalOptions): Outcome {
  const bytes = readConfig(file);
  try {
    const specs = parseSystemConfigs(bytes, { file });
    const names = specs.map(({ name, group }) => (group === '' ? name : `${group}/${name}`));
    return {
      code: EXIT.ok,
      text: `${file} is valid: ${names.join(', ')}`,
      data: {
        file,
        valid: true,
        systems: specs.map((spec) => systemConfigOf(spec) as unknown as JsonObject),
      },
    };
  } catch (error) {
    if (!(error instanceof SystemConfigError)) throw error;
    return {
      code: EXIT.failure,
      text: error.render(painter(ownColor(options))),
      data: { file, valid: false, issues: error.issues as unknown as JsonObject[] },
    };
  }
}
