/** Who is who in the user namespace of a system. */
import { readFileSync } from 'node:fs';
import { InvalidArgumentError } from '../handle/index.ts';
import type { IdMap, SystemSpec } from './config/index.ts';

type Id = 'uid' | 'gid';

/** /proc/sys/kernel/overflowuid: nobody. */
const OVERFLOW_ID = 65534;

/**
 * As /proc/PID/uid_map takes it.
 *
 * @throws InvalidArgumentError for an id that this process may not pass on
 */
export function mapText(spec: SystemSpec, kind: Id): string {
  checkOurs(spec, kind);
  return mapOf(spec, kind)
    .map(({ inside, outside, count }) => `${inside} ${outside} ${count}\n`)
    .join('');
}

/** Who that is outside. */
export function outsideId(spec: SystemSpec, kind: Id, id: number): number {
  if (!spec.security.namespaces.has('user')) return id;
  const range = mapOf(spec, kind).find(({ inside, count }) => id >= inside && id < inside + count);
  return range === undefined ? OVERFLOW_ID : range.outside + id - range.inside;
}

/** Who root of a system is outside, to whom belongs what is the system's own. */
export function rootOutside(spec: SystemSpec): readonly [uid: number, gid: number] {
  return [firstOutside(spec, 'uid'), firstOutside(spec, 'gid')];
}

/** Of a map without root, whoever programs run as. */
function firstOutside(spec: SystemSpec, kind: Id): number {
  const hasRoot = mapOf(spec, kind).some(({ inside }) => inside === 0);
  return outsideId(spec, kind, hasRoot ? 0 : spec.user[kind]);
}

function givenMap({ security }: SystemSpec, kind: Id): readonly IdMap[] | undefined {
  return kind === 'uid' ? security.uidMap : security.gidMap;
}

/**
 * Root gives its system every id that it has itself, each as itself: files of the root below look as they are, and may be
 * changed in the overlay. Anybody else can give but himself.
 */
function mapOf(spec: SystemSpec, kind: Id): readonly IdMap[] {
  return (
    givenMap(spec, kind) ??
    ours(kind).map(({ first, count }, index) => ({
      inside: isRoot() ? first : index,
      outside: first,
      count,
    }))
  );
}

interface IdRange {
  readonly first: number;
  readonly count: number;
}

const isRoot = (): boolean => process.geteuid?.() === 0;

/** Ids that this process may pass on. */
function ours(kind: Id): readonly IdRange[] {
  if (isRoot()) return namespaceIds(kind);
  const own = kind === 'uid' ? process.geteuid?.() : process.getegid?.();
  return [{ first: own ?? 0, count: 1 }];
}

/** A range is passed on whole, and out of one of ours: user_namespaces(7). */
function checkOurs(spec: SystemSpec, kind: Id): void {
  const ranges = ours(kind);
  for (const [index, { outside, count }] of (givenMap(spec, kind) ?? []).entries()) {
    if (ranges.some(({ first, count: all }) => outside >= first && outside + count <= first + all)) continue;
    const several = count === 1 ? `${outside}` : `${outside} to ${outside + count - 1}`;
    throw new InvalidArgumentError(
      `security.${kind}_map[${index}]`,
      several,
      'is not for this process to pass on',
      `ids of ${ranges.map(({ first, count: all }) => `${first} to ${first + all - 1}`).join(', ')}`,
    );
  }
}

/** Of our own user namespace, whose maps are written once in its life. */
function namespaceIds(kind: Id): readonly IdRange[] {
  known[kind] ??= readFileSync(`/proc/self/${kind}_map`, 'utf8')
    .trim()
    .split('\n')
    .map((line) => {
      const [first = 0, , count = 1] = line.trim().split(/\s+/).map(Number);
      return { first, count };
    });
  return known[kind];
}

const known: { uid?: readonly IdRange[]; gid?: readonly IdRange[] } = {};
