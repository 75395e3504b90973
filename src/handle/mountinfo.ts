/** The mounts that a process sees, proc_pid_mountinfo(5). */

export interface MountEntry {
  /** Unique among the mounts that exist; reused when it is gone. */
  readonly id: number;
  /** That of the mount which it is on; of the first one, none that is listed, or its own. */
  readonly parent: number;
  /** `MAJOR:MINOR` of the file system. */
  readonly device: string;
  /** Which part of the file system: '/', a path in it, or `net:[4026532203]` for a namespace. */
  readonly root: string;
  /** Where it is mounted, as seen from the process's root directory. */
  readonly path: string;
  /** 'tmpfs', 'cgroup2', 'nsfs', ... */
  readonly type: string;
  /** Options of the file system, as in `rw,memory`. */
  readonly superOptions: readonly string[];
}

/** One line; undefined for what is none. */
function parseMountEntry(line: string): MountEntry | undefined {
  const fields = line.split(' ');
  // Optional fields, as many as there are, end with a dash.
  const dash = fields.indexOf('-', 6);
  const [id, parent, device, root, path] = fields;
  if (dash < 0 || device === undefined || root === undefined || path === undefined) return undefined;
  return {
    id: Number(id),
    parent: Number(parent),
    device,
    root: unescapeField(root),
    path: unescapeField(path),
    type: fields[dash + 1] ?? '',
    superOptions: (fields[dash + 3] ?? '').split(','),
  };
}

/** All lines of a mountinfo file. */
export function parseMountinfo(text: string): MountEntry[] {
  return text.split('\n').flatMap((line) => parseMountEntry(line) ?? []);
}

/** `\040` and its kin, which the kernel writes for blanks in paths. */
function unescapeField(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}
