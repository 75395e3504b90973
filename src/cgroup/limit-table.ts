/** What the tables of limits have in common. */
import { InvalidArgumentError } from '../handle/index.ts';

/** Controllers whose limits can be set here. */
export type Controller = 'cpu' | 'memory' | 'pids' | 'io' | 'cpuset' | 'hugetlb' | 'rdma' | 'misc';

/** One write(2) to one file. */
export interface LimitWrite {
  readonly controller: Controller;
  /** 'memory.max', as errors name it. */
  readonly field: string;
  readonly value: unknown;
  readonly file: string;
  readonly text: string;
  /** The first Linux release that has the file, where that is later than 5.10. */
  readonly since?: string;
  /** What it takes besides, in the kernel or on the device. */
  readonly needs?: string;
}

/** Reads a file of the cgroup; undefined where there is none. */
export type FileReader = (file: string) => Promise<string | undefined>;

/** The limits of one controller. */
export interface LimitTable {
  encode(value: object, controller: Controller): LimitWrite[];
  /** Undefined where there is nothing to say. */
  read(read: FileReader): Promise<object | undefined>;
}

/** `remedy` says what is taken. */
export function refuseNonObject(value: unknown, field: string, remedy: string): void {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return;
  throw new InvalidArgumentError(field, value, 'is no object', `${remedy}, or leave it out`);
}

/** A misspelt limit that is merely ignored is no limit. */
export function refuseUnknown(value: unknown, keys: readonly string[], field: string): void {
  refuseNonObject(value, field, `{ ${keys.join(', ')} }`);
  for (const key of Object.keys(value as object)) {
    if (keys.includes(key)) continue;
    throw new InvalidArgumentError(field, key, 'is no limit', `one of ${keys.join(', ')}`);
  }
}
