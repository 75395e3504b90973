/** Namespaces of a system, as clone(2) wants them. */
import type { Namespace, SystemSpec } from './config/index.ts';
import { mapText } from './id-maps.ts';
import { type Fields, Tag } from './wire.ts';

/** CLONE_NEW*, uapi/linux/sched.h. */
const FLAGS: Readonly<Record<Namespace, number>> = {
  time: 0x80,
  mount: 0x0002_0000,
  cgroup: 0x0200_0000,
  uts: 0x0400_0000,
  ipc: 0x0800_0000,
  user: 0x1000_0000,
  pid: 0x2000_0000,
  net: 0x4000_0000,
};

/**
 * `given` is a network namespace that is there already.
 *
 * @throws InvalidArgumentError for an id of a map that this process may not pass on
 */
export function namespaceFields(spec: SystemSpec, given: boolean): Fields {
  const { namespaces } = spec.security;
  let flags = 0;
  for (const one of namespaces) if (!(one === 'net' && given)) flags |= FLAGS[one];
  const fields: (readonly [Tag, string | number])[] = [[Tag.Namespaces, flags]];
  if (given) fields.push([Tag.GivenNetns, '']);
  if (namespaces.has('uts')) fields.push([Tag.Hostname, spec.hostname]);
  if (!namespaces.has('user')) return fields;
  const root = process.geteuid?.() === 0;
  fields.push([Tag.UidMap, mapText(spec, 'uid')], [Tag.GidMap, mapText(spec, 'gid')]);
  // Without privilege nobody may write a gid_map unless groups cannot be dropped, user_namespaces(7).
  if (!root) fields.push([Tag.DenySetgroups, '']);
  return fields;
}
