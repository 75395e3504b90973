/** The steps by which pid 1 makes the root of its system: see native/supervisor/protocol.h. */

export const StepKind = {
  Mount: 1,
  Overlay: 2,
  Bind: 3,
  Directory: 4,
  File: 5,
  Mask: 7,
  Readonly: 8,
  Root: 9,
  Pivot: 10,
  /** Steps before it are the supervisor's. */
  Birth: 12,
  Layer: 13,
  Hide: 14,
  Own: 15,
  Node: 16,
  Link: 17,
  Inside: 18,
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
  /** An overlay keeps its marks where a user namespace may write them. */
  Userxattr: 64,
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
  /** `cover` is where that of the layer at `place` is attached. */
  overlay(
    target: string,
    [upper, work, cover]: readonly [string, string, string],
    place: string,
    lower: readonly string[],
    flags: number = StepFlag.None,
  ): this {
    return this.#add(StepKind.Overlay, flags, target, upper, work, place, cover, ...lower);
  }
  bind(source: string, target: string, flags: number = StepFlag.None): this {
    return this.#add(StepKind.Bind, flags, source, target);
  }
  directory(path: string, mode = '755', owner: readonly number[] = []): this {
    return this.#add(StepKind.Directory, StepFlag.None, path, mode, ...owner.map(String));
  }
  file(path: string): this {
    return this.#add(StepKind.File, StepFlag.None, path, '644');
  }
  /** Over what the kernel shows; `empty` is a directory of the host's. */
  mask(path: string, empty: string): this {
    return this.#add(StepKind.Mask, StepFlag.Optional, path, empty);
  }
  /** What an overlay to be shows of its lower layers, for {@link hide} and the rest: before all other steps. */
  layer(place: string, lower: readonly string[]): this {
    return this.#add(StepKind.Layer, StepFlag.None, place, ...lower);
  }
  hide(path: string): this {
    return this.#add(StepKind.Hide, StepFlag.None, path);
  }
  /** `owner` is uid and gid as the host counts. */
  own(path: string, mode: string, owner: readonly number[]): this {
    return this.#add(StepKind.Own, StepFlag.None, path, mode, ...owner.map(String));
  }
  node(path: string, mode: string, device: string): this {
    return this.#add(StepKind.Node, StepFlag.None, path, mode, device);
  }
  link(path: string, leadsTo: string): this {
    return this.#add(StepKind.Link, StepFlag.None, path, leadsTo);
  }
  readonly(path: string): this {
    return this.#add(StepKind.Readonly, StepFlag.Optional, path);
  }
  birth(scratch: string): this {
    return this.#add(StepKind.Birth, StepFlag.None, scratch);
  }
  /** Paths of what follows are looked up in it. */
  inside(path: string): this {
    return this.#add(StepKind.Inside, StepFlag.None, path);
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
