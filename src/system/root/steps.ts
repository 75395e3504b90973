/** The steps by which pid 1 makes the root of its system: see native/supervisor/protocol.h. */

export const StepKind = {
  Mount: 1,
  Overlay: 2,
  Bind: 3,
  Directory: 4,
  File: 5,
  Symlink: 6,
  Mask: 7,
  Readonly: 8,
  Root: 9,
  Pivot: 10,
  WriteFile: 11,
  /** Steps before it are the supervisor's. */
  Birth: 12,
} as const;
export type StepKind = (typeof StepKind)[keyof typeof StepKind];

export const StepFlag = {
  None: 0,
  /** What is not there is left out. */
  Optional: 1,
  Readonly: 2,
  Nosuid: 4,
  Nodev: 8,
  Noexec: 16,
  Recursive: 32,
} as const;
export type StepFlag = (typeof StepFlag)[keyof typeof StepFlag];

/** What no file system of ours needs to allow. */
export const INERT = StepFlag.Nosuid | StepFlag.Nodev | StepFlag.Noexec;

export interface Step {
  readonly kind: StepKind;
  readonly flags: number;
  readonly words: readonly string[];
}

export function encodeStep({ kind, flags, words }: Step): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32LE(kind, 0);
  head.writeUInt32LE(flags, 4);
  return Buffer.concat([head, Buffer.from(words.join('\0'))]);
}

/** Collects steps in order. */
export class StepList {
  readonly steps: Step[] = [];

  mount(fstype: string, target: string, options = '', flags: number = StepFlag.None): this {
    return this.#add(StepKind.Mount, flags, fstype, target, options);
  }
  overlay(target: string, upper: string, work: string, lower: readonly string[]): this {
    return this.#add(StepKind.Overlay, StepFlag.None, target, upper, work, ...lower);
  }
  bind(source: string, target: string, flags: number = StepFlag.None): this {
    return this.#add(StepKind.Bind, flags, source, target);
  }
  directory(path: string, mode = '755'): this {
    return this.#add(StepKind.Directory, StepFlag.None, path, mode);
  }
  file(path: string, mode = '644'): this {
    return this.#add(StepKind.File, StepFlag.None, path, mode);
  }
  symlink(path: string, leadsTo: string): this {
    return this.#add(StepKind.Symlink, StepFlag.None, path, leadsTo);
  }
  mask(path: string): this {
    return this.#add(StepKind.Mask, StepFlag.Optional, path);
  }
  readonly(path: string): this {
    return this.#add(StepKind.Readonly, StepFlag.Optional, path);
  }
  birth(scratch: string): this {
    return this.#add(StepKind.Birth, StepFlag.None, scratch);
  }
  root(path: string): this {
    return this.#add(StepKind.Root, StepFlag.None, path);
  }
  pivot(): this {
    return this.#add(StepKind.Pivot, StepFlag.None);
  }

  #add(kind: StepKind, flags: number, ...words: string[]): this {
    this.steps.push({ kind, flags, words });
    return this;
  }
}
