/** What `cofferdam run` is to make: the file, and over it the options. */
import { readFileSync } from 'node:fs';
import { isatty } from 'node:tty';
import { fromNodeError, shown } from '../../handle/errors.ts';
import type { SystemSpec } from '../../system/config/index.ts';
import {
  checkSystemConfig,
  parseSystemConfig,
  type SystemConfig,
  SystemConfigError,
  systemConfigOf,
} from '../../system/config/index.ts';
import { UsageError } from '../args.ts';
import type { Draft, RunRequest } from './run-words.ts';

/** @throws SystemConfigError for the file, UsageError for the options, SystemError */
export function specOf({ file, changes, optionOf }: RunRequest): SystemSpec {
  const draft: Draft = file === undefined ? {} : { ...systemConfigOf(readSpec(file)) };
  for (const change of changes) change(draft);
  // A program that draws on our terminal has to know which it is.
  const { TERM } = process.env;
  if (TERM !== undefined && isatty(1)) draft.environment = { TERM, ...(draft.environment as Draft) };
  try {
    return checkSystemConfig(draft as SystemConfig);
  } catch (error) {
    if (!(error instanceof SystemConfigError)) throw error;
    throw new UsageError(error.issues.map((issue) => sentence(issue, optionOf)).join('\n'));
  }
}

/** @throws SystemConfigError, SystemError */
function readSpec(file: string): SystemSpec {
  return parseSystemConfig(readConfig(file), { file });
}

/** A file, or stdin for `-`. @throws SystemError */
export function readConfig(file: string): Uint8Array {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw fromNodeError(error);
  }
}

function sentence(
  { field, value, problem, remedy, nearest }: SystemConfigError['issues'][number],
  optionOf: RunRequest['optionOf'],
): string {
  // A list's parts are those of its option.
  const option = optionOf.get(field.replace(/\[\d+\].*$/, ''));
  const subject = value === undefined ? '' : `${shown(value)} `;
  const guess = nearest === undefined ? 'give' : `did you mean '${nearest}'? Or give`;
  return `${option ?? field}: ${subject}${problem}; ${guess} ${remedy}`;
}
