/**
 * Every error this package throws on purpose.
 *
 * `code` is the stable part: the kernel's own name for what the kernel refused ('ENOBUFS'), `ERR_COFFERDAM_*`
 * for what this package refused, 'ABORT_ERR' for an abort. Compare codes rather than classes: they also hold
 * where a package is installed twice. The message is written for the person who reads it: what was wrong, with
 * which value, and what to give instead.
 */
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';

/** What all errors of this package have in common. */
export class CofferdamError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** The handle was closed, before the call or while it waited. */
export class ClosedError extends CofferdamError {
  constructor(message = 'the handle is closed', options?: ErrorOptions) {
    super('ERR_COFFERDAM_CLOSED', message, options);
  }
}

/** The deadline of a call passed before its answer came. */
export class TimeoutError extends CofferdamError {
  /** The deadline, in milliseconds. */
  readonly timeout: number;

  constructor(what: string, timeout: number, options?: ErrorOptions) {
    super('ERR_COFFERDAM_TIMEOUT', `${what} had no answer within ${timeout} ms`, options);
    this.timeout = timeout;
  }
}

/** An argument that can't be right, found before anything was asked of the kernel. */
export class InvalidArgumentError extends CofferdamError {
  /** Path of the field, as the caller wrote it: 'mtu', 'nexthops[1].via'. */
  readonly field: string;
  readonly value: unknown;
  /** What is wrong with it: 'is out of range'. */
  readonly problem: string;
  /** What to give instead. */
  readonly remedy: string;

  /**
   * @param problem completes the sentence "FIELD: VALUE ...", as in "is out of range"
   * @param remedy completes "give ...", as in "0 to 65535"
   */
  constructor(field: string, value: unknown, problem: string, remedy: string) {
    super('ERR_COFFERDAM_INVALID_ARGUMENT', `${field}: ${shown(value)} ${problem}; give ${remedy}`);
    this.field = field;
    this.value = value;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** What is known about a failed system call besides its errno. */
export interface SystemErrorInfo {
  readonly path?: string;
  /** Inode of the network namespace that the call was made in. */
  readonly netns?: number;
  readonly pid?: number;
  readonly [field: string]: unknown;
}

/** The kernel said no. `errno` is negative, as in Node's own errors; the fields of `info` become its own. */
export class SystemError extends CofferdamError {
  readonly errno: number;
  readonly syscall: string;
  declare readonly path?: string;
  declare readonly netns?: number;
  declare readonly pid?: number;

  constructor(
    errno: number,
    syscall: string,
    info: SystemErrorInfo = {},
    message: string = systemMessage(errno, syscall, info),
    options?: ErrorOptions,
  ) {
    super(errnoName(errno), message, options);
    this.errno = negative(errno);
    this.syscall = syscall;
    for (const [field, value] of Object.entries(info)) {
      if (value !== undefined) Object.defineProperty(this, field, { value, enumerable: true });
    }
  }
}

/** A {@link SystemError} for an errno, with the message Node would give it. */
export function systemError(errno: number, syscall: string, info?: SystemErrorInfo): SystemError {
  return new SystemError(errno, syscall, info);
}

/** Turns what a function of node:fs threw into a {@link SystemError}; anything else is returned as it is. */
export function fromNodeError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { errno, syscall, path } = error as NodeJS.ErrnoException;
  if (errno === undefined || syscall === undefined) return error;
  return new SystemError(errno, syscall, path === undefined ? {} : { path }, error.message, { cause: error });
}

/** The caller gave up. Shaped as Node's own AbortError; `cause` is the signal's reason. */
export class AbortError extends Error {
  readonly code = 'ABORT_ERR';

  constructor(reason?: unknown) {
    super('The operation was aborted', { cause: reason });
    this.name = 'AbortError';
  }
}

/** The error a call rejects with when `signal` aborts it. */
export function abortError(signal: AbortSignal): AbortError {
  return new AbortError(signal.reason);
}

/** The kernel's name for an errno of either sign: 'ENODEV', or 'errno 1234' where it has none. */
export function errnoName(errno: number): string {
  return names().get(Math.abs(errno)) ?? `errno ${Math.abs(errno)}`;
}

/** What an errno means, in words. */
export function errnoMessage(errno: number): string {
  // Node makes the map anew for each call, and a batch may hold a hundred thousand errors.
  systemErrors ??= getSystemErrorMap();
  const value = negative(errno);
  return RESTATED.get(value) ?? systemErrors.get(value)?.[1] ?? 'unknown error';
}

/** libuv's words say less than the kernel means, or it has none. */
const RESTATED: ReadonlyMap<number, string> = new Map([
  [-34, 'numerical result out of range'],
  [-95, 'operation not supported'],
  [-524, 'operation not supported'],
]);

let systemErrors: ReadonlyMap<number, [string, string]> | undefined;
let nameTable: Map<number, string> | undefined;

function names(): Map<number, string> {
  if (nameTable !== undefined) return nameTable;
  nameTable = new Map();
  for (const [value, [name]] of getSystemErrorMap()) nameTable.set(-value, name);
  for (const [name, value] of Object.entries(constants.errno)) nameTable.set(value, name);
  // One number, two names: take the one that rtnetlink's manual pages use.
  nameTable.set(constants.errno.EAGAIN, 'EAGAIN');
  nameTable.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');
  // Internal to the kernel (include/linux/errno.h), yet some rtnetlink paths let it out.
  nameTable.set(524, 'ENOTSUPP');
  return nameTable;
}

function systemMessage(errno: number, syscall: string, info: SystemErrorInfo): string {
  const where = info.path === undefined ? '' : ` '${info.path}'`;
  return `${errnoName(errno)}: ${errnoMessage(errno)}, ${syscall}${where}`;
}

function negative(errno: number): number {
  return errno === 0 ? 0 : -Math.abs(errno);
}

/** A value as the message shows it: short, on one line, never throwing. */
export function shown(value: unknown): string {
  let text: string;
  try {
    if (typeof value === 'bigint') text = `${value}n`;
    else if (typeof value === 'function') text = 'a function';
    // JSON has no word for NaN and Infinity.
    else if (typeof value === 'number') text = String(value);
    else text = JSON.stringify(value) ?? String(value);
  } catch {
    text = Object.prototype.toString.call(value);
  }
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}
