/** All fields of a configuration: the table that checks, schema and documentation follow. */
import type { SystemConfig } from './config.ts';
import { environment, groupName, hostname, systemName, user } from './fields-identity.ts';
import { lifecycle, limits, monitoring } from './fields-limits.ts';
import { logs } from './fields-logs.ts';
import { network } from './fields-network.ts';
import { root } from './fields-root.ts';
import { security } from './fields-security.ts';
import { type FieldsOf, field, group, type Kind, object, optional } from './kind.ts';
import { absolutePath } from './values.ts';

export const system = object({
  name: optional(
    systemName,
    "'build-123', or 'ci-jobs/build-123' with its group. Left out: a name nobody has.",
  ),
  group: optional(groupName, "Systems that belong together: 'ci-jobs'."),
  resource_limits: group(limits, 'Limits of the cgroup of the system.'),
  lifecycle: group(lifecycle, "Times: seconds, or '500ms', '30s', '5m', '1h'."),
  monitoring: group(monitoring, 'How usage is watched.'),
  security: group(security, 'Namespaces, privileges, and what is out of sight.'),
  root: group(root, 'The file system.'),
  network: field(network, 'none', "'none' (a loopback device alone), 'host', or a link to a bridge."),
  logs: field(logs, 'none', 'What is kept of what programs write, for others to read; none unless given.'),
  hostname: optional(hostname, 'Left out: the name.'),
  environment: field(environment, {}, 'All variables of the environment: nothing is inherited.'),
  workdir: field(absolutePath('root'), '/', 'The directory that programs start in.'),
  user: field(user, 0, "Who programs run as, inside: 1000, '1000:100'."),
} satisfies FieldsOf<SystemConfig>);

type ReadBy<K> = K extends Kind<infer T> ? T : never;
/** A configuration after all of its fields have been read. */
export type SettledConfig = ReadBy<typeof system>;
