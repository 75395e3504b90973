/** What of a system is kept: paths inside that are copied to the host when it ends, and what became of each. */
import { realpathSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { dirname } from 'node:path';
import { CofferdamError, InvalidArgumentError, systemError } from '../handle/index.ts';
import type { ExportSpec, SystemSpec } from './config/index.ts';
import { outsideId } from './id-maps.ts';
import { type FieldValue, type Message, Tag } from './wire.ts';

/** All exports of a system together: bytes as files count them, holes included; files with directories and links. */
export const EXPORT_LIMITS = { bytes: 16 * 2 ** 30, files: 100_000, timeout: 60_000 } as const;

/** What became of one of `root.exports`. */
export interface ExportResult extends ExportSpec {
  /** Files, directories and links that were copied. */
  readonly files: number;
  readonly bytes: number;
  /** Devices, FIFOs, sockets, and links that lead out of what was copied. */
  readonly leftOut: number;
  /** Why there is nothing at the target that was not there before; undefined where it was copied. */
  readonly error: ExportError | undefined;
}

/** An export that was not taken. `cause` is what the kernel said, where it did. */
export class ExportError extends CofferdamError {
  /** 'root.exports[0]' */
  readonly field: string;
  readonly value: ExportSpec;
  readonly problem: string;
  readonly remedy: string;

  constructor(field: string, value: ExportSpec, problem: string, remedy: string, options?: ErrorOptions) {
    const { source, target } = value;
    super('ERR_COFFERDAM_EXPORT', `${field}: ${source} to ${target} ${problem}; give ${remedy}`, options);
    this.field = field;
    this.value = value;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** By the kernel's names of what it refused. */
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: 'the path of something that is there when the system ends, and a directory of the host for it',
  EINVAL: 'the path of a file or of a directory',
  EFBIG: `files of ${EXPORT_LIMITS.bytes / 2 ** 30} GiB in all at most, holes included`,
  EDQUOT: `${EXPORT_LIMITS.files} files at most`,
  ETIMEDOUT: `less: exports have ${EXPORT_LIMITS.timeout / 1000} seconds in all`,
  ENAMETOOLONG: 'directories that are less deep',
  ENOTEMPTY: 'a target that is not there yet, or an empty directory',
  EEXIST: 'a target that is not there yet, or an empty directory',
  ENOTDIR: 'a target that is a directory as well, or not there',
  EISDIR: 'a target that is a file as well, or not there',
  EACCES: 'paths that `user` of the configuration may read, and a directory that this process may write to',
  ENOSPC: 'a target with more room',
};

/** @throws InvalidArgumentError for a target that could never be written, or where the system itself writes */
export function exportFields(spec: SystemSpec): readonly (readonly [Tag, FieldValue])[] {
  const { exports } = spec.root;
  if (exports.length === 0) return [];
  for (const [index, { target }] of exports.entries())
    checkTarget(spec, `root.exports[${index}].target`, target);
  return [
    ...exports.map(({ source, target }) => [Tag.Export, `${source}\0${target}`] as const),
    [Tag.ExportUid, outsideId(spec, 'uid', spec.user.uid)],
    [Tag.ExportGid, outsideId(spec, 'gid', spec.user.gid)],
    [Tag.ExportBytes, EXPORT_LIMITS.bytes],
    [Tag.ExportFiles, EXPORT_LIMITS.files],
    [Tag.ExportTimeout, EXPORT_LIMITS.timeout],
  ];
}

function checkTarget({ root }: SystemSpec, field: string, target: string): void {
  const directory = dirname(target);
  if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
    throw new InvalidArgumentError(
      field,
      target,
      'has no directory to lie in',
      `a path in one, or make ${directory}`,
    );
  }
  const real = realpathSync.native(directory);
  // Whoever may rename directories there decides where we write.
  for (const { source, readOnly } of root.binds) {
    const bound = realpathSync.native(source);
    if (readOnly || (real !== bound && !real.startsWith(bound === '/' ? '/' : `${bound}/`))) continue;
    throw new InvalidArgumentError(
      field,
      target,
      `lies in ${source}, which the system itself may write to`,
      'a path elsewhere, or a bind that is read-only',
    );
  }
}

/** Of the configuration's exports, in order; `message` tells of those that were begun. */
export function exportResults(
  exports: readonly ExportSpec[],
  reason: string,
  message?: Message,
): readonly ExportResult[] {
  const told = message?.texts(Tag.Exported) ?? [];
  return exports.map(({ source, target }, index) => {
    const field = `root.exports[${index}]`;
    const value = { source, target };
    const text = told[index];
    if (text === undefined) {
      const problem = `was not copied: the system ended by ${reason}`;
      const remedy = 'it an end of its own, or a bind that may be written';
      return {
        ...value,
        files: 0,
        bytes: 0,
        leftOut: 0,
        error: new ExportError(field, value, problem, remedy),
      };
    }
    const [files, bytes, leftOut, errno, call = '', path = ''] = text.split('\0');
    const counts = { files: Number(files), bytes: Number(bytes), leftOut: Number(leftOut) };
    return { ...value, ...counts, error: errorOf(field, value, Number(errno), call, path) };
  });
}

function errorOf(
  field: string,
  value: ExportSpec,
  errno: number,
  call: string,
  path: string,
): ExportError | undefined {
  if (errno === 0) return undefined;
  const cause = systemError(errno || -constants.errno.EIO, call, path === '' ? {} : { path });
  const remedy = REMEDIES[cause.code] ?? 'it another time';
  return new ExportError(field, value, `was not copied: ${cause.message}`, remedy, { cause });
}
