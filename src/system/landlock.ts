/** Paths beyond which no program of a system touches a file: landlock(7). */
import { InvalidArgumentError, SystemError } from '../handle/index.ts';
import type { SecuritySpec } from './config/index.ts';
import { type Fields, Tag } from './wire.ts';

export function landlockFields({ landlock }: SecuritySpec): Fields {
  if (landlock === undefined) return [];
  return [
    ...landlock.readOnly.map((path) => [Tag.LandlockRead, path] as const),
    ...landlock.readWrite.map((path) => [Tag.LandlockWrite, path] as const),
  ];
}

/** Which field it was that pid 1 could not carry out, where it was one of these. */
export function landlockError(error: unknown, { landlock }: SecuritySpec): unknown {
  if (!(error instanceof SystemError) || landlock === undefined) return error;
  if (error.syscall === 'landlock_create_ruleset') {
    const why = error.code === 'EOPNOTSUPP' ? 'this kernel was started without it' : 'this kernel has none';
    return new InvalidArgumentError(
      'security.landlock',
      landlock,
      `needs Landlock, and ${why}: ${error.message}`,
      "'none', or Linux 5.13 or later with landlock among its security modules (lsm=)",
    );
  }
  if (error.syscall !== 'landlock_add_rule') return error;
  for (const [key, paths] of [
    ['read_only', landlock.readOnly],
    ['read_write', landlock.readWrite],
  ] as const) {
    const index = paths.indexOf(error.path ?? '');
    if (index < 0) continue;
    return new InvalidArgumentError(
      `security.landlock.${key}[${index}]`,
      error.path,
      `cannot be looked up in the system: ${error.message}`,
      'a path that is there when the system starts',
    );
  }
  return error;
}
