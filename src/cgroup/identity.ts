/**
 * Whose a cgroup is, written down on itself: an extended attribute says who made it, and a lock on the directory, which
 * ends with its owner, says whether he lives.
 */
import { randomUUID } from 'node:crypto';
import type { NativeCgroup } from '../handle/index.ts';
import { type IdentityRecord, identityRecord, parseIdentityRecord } from '../process/identity.ts';

/** In front of the names of all cgroups that are created here. It narrows a search, and proves nothing. */
export const NAME_PREFIX = 'cofferdam-';

const ATTRIBUTE = 'user.cofferdam';

/** On the parent, with a name behind it: who is about to make a cgroup of that name, and has yet to mark it. */
export const INTENT = 'user.cofferdam.intent.';

/** Who made a cgroup. */
export interface CgroupIdentity extends IdentityRecord {
  /** Unique to the thread that made it. */
  readonly instance: string;
}

let own: CgroupIdentity | undefined;

/** Of this thread. */
function ownIdentity(): CgroupIdentity {
  own ??= { instance: randomUUID(), ...identityRecord() };
  return own;
}

/** What marks a cgroup as ours: names and values of extended attributes. */
export function identityFields(): readonly (readonly [name: string, value: string])[] {
  return [[ATTRIBUTE, JSON.stringify(ownIdentity())]];
}

/** 0, or the negative errno of fsetxattr(2). */
export function writeIdentity(native: NativeCgroup): number {
  return native.setAttribute(ATTRIBUTE, JSON.stringify(ownIdentity()));
}

/** Undefined for a cgroup of somebody else's, or of a version that we do not know. */
export function readIdentity(native: NativeCgroup, attribute = ATTRIBUTE): CgroupIdentity | undefined {
  const text = native.attribute(attribute);
  if (typeof text === 'number') return undefined;
  const found = parseIdentityRecord(text);
  return typeof found?.instance === 'string' ? { ...found, instance: found.instance } : undefined;
}
