/** security: namespaces, privileges, and what is out of sight. */
import { InvalidArgumentError } from '../../handle/index.ts';
import { CAPABILITIES } from '../capabilities.ts';
import { MASKED_PATHS, pathsOf, READONLY_PATHS } from '../masks.ts';
import type { IdMapConfig, SecurityConfig } from './config.ts';
import {
  type FieldsOf,
  field,
  group,
  type Kind,
  listOf,
  object,
  optional,
  required,
  textOr,
  word,
} from './kind.ts';
import { nearest } from './nearest.ts';
import { MisspeltError } from './place.ts';
import type { IdMap, LandlockSpec, Namespace, SecuritySpec } from './spec.ts';
import { absolutePath, checkedPath, flag, integer, text } from './values.ts';

const NAMESPACES: readonly Namespace[] = ['pid', 'net', 'mount', 'uts', 'ipc', 'user', 'cgroup', 'time'];
export const DEFAULT_NAMESPACES: readonly Namespace[] = NAMESPACES.filter((name) => name !== 'time');

const ALL = 'ALL';

const capability: Kind<string> = {
  schema: { type: 'string', pattern: '^([Cc][Aa][Pp]_)?[A-Za-z_]+$', examples: CAPABILITIES },
  read(value, at) {
    const upper = typeof value === 'string' ? value.toUpperCase() : '';
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (upper === ALL || CAPABILITIES.includes(full)) return upper === ALL ? ALL : full;
    const remedy = `a name of capabilities(7), such as 'CAP_NET_RAW', or '${ALL}'`;
    throw new MisspeltError(at.field, value, 'is no capability', remedy, nearest(full, CAPABILITIES));
  },
};

const paths = listOf(absolutePath('below root'), 'paths', (path) => path);

/** (uid_t)-1 is no id. */
export const LAST_ID = 0xffff_fffe;

const mapObject: Kind<IdMap> = object({
  inside: required(integer(0, LAST_ID), 'The first id inside.'),
  outside: required(integer(0, LAST_ID), 'What it is outside.'),
  count: required(integer(1, LAST_ID + 1), 'So many ids.'),
} satisfies FieldsOf<Exclude<IdMapConfig, string>>);

const mapText: Kind<IdMap> = {
  schema: { type: 'string', pattern: '^\\d+[ :]\\d+[ :]\\d+$' },
  read(value, at) {
    const numbers = typeof value === 'string' ? /^(\d+)[ :]+(\d+)[ :]+(\d+)$/.exec(value) : null;
    if (numbers !== null) {
      const [inside, outside, count] = numbers.slice(1).map(Number);
      return mapObject.read({ inside, outside, count }, at);
    }
    const remedy = "'0 100000 65536' (inside, outside, count), or { inside, outside, count }";
    throw new InvalidArgumentError(at.field, value, 'is no range of ids', remedy);
  },
};

const idMap: Kind<readonly IdMap[]> = listOf(textOr(mapText, mapObject), 'ranges of ids');

const seccompPath: Kind<string> = {
  schema: { anyOf: [{ enum: ['default', 'unconfined'] }, absolutePath('below root').schema] },
  read: (value, at) => checkedPath(value, at, 'below root'),
};
const seccompWord = word(['default', 'unconfined']);
const seccomp: Kind<SecuritySpec['seccomp']> = {
  schema: seccompPath.schema,
  read(value, at) {
    if (typeof value === 'string' && value.includes('/')) return { profile: seccompPath.read(value, at) };
    try {
      return seccompWord.read(value, at);
    } catch (error) {
      if (!(error instanceof MisspeltError)) throw error;
      const remedy = "'default', 'unconfined', or the absolute path of a profile in OCI's JSON";
      throw new MisspeltError(at.field, value, 'is no seccomp profile', remedy, error.nearest);
    }
  },
};

const profileName = text(
  /^[^\s\0"]{1,4095}$/,
  'name of a profile',
  "a name as in /sys/kernel/security/apparmor/profiles, or 'none'",
);
const apparmor: Kind<string | undefined> = {
  schema: profileName.schema,
  read(value, at) {
    const name = profileName.read(value, at);
    return name === 'none' ? undefined : name;
  },
};

const landlockObject = object({
  read_only: field(paths, [], 'Paths to read and to execute.'),
  read_write: field(paths, [], 'Paths to read, execute and write.'),
} satisfies FieldsOf<Exclude<NonNullable<SecurityConfig['landlock']>, string>>);
const landlockNone = word(['none']);
const landlock: Kind<LandlockSpec | undefined> = {
  schema: { anyOf: [landlockNone.schema, landlockObject.schema] },
  read(value, at) {
    if (typeof value !== 'object' || value === null) {
      landlockNone.read(value, at);
      return undefined;
    }
    const { read_only: readOnly, read_write: readWrite } = landlockObject.read(value, at);
    if (readOnly.length + readWrite.length === 0 && !at.isFaulty()) {
      throw new InvalidArgumentError(
        at.field,
        value,
        'leaves no path to execute anything from',
        "paths, or 'none'",
      );
    }
    return { readOnly, readWrite };
  },
};

export const security = object({
  namespaces: field(
    listOf(word(NAMESPACES), 'namespaces', (name) => name),
    DEFAULT_NAMESPACES,
    'What the system has of its own.',
  ),
  capabilities: group(
    object({
      drop: field(
        listOf(capability, 'capabilities', (name) => name),
        ['CAP_SYS_ADMIN', 'CAP_NET_RAW', 'CAP_SYS_PTRACE'],
        "Out of the bounding set, and so out of reach; with or without CAP_, 'ALL' for all.",
      ),
    }),
    'Capabilities, capabilities(7).',
  ),
  seccomp: field(
    seccomp,
    'default',
    "Which system calls: 'default', 'unconfined', or the path of a profile in OCI's JSON.",
  ),
  apparmor: field(apparmor, 'none', 'A profile that the host has loaded.'),
  landlock: field(landlock, 'none', 'Paths beyond which no file is touched, landlock(7).'),
  masked_paths: field(paths, pathsOf(MASKED_PATHS), 'Paths inside that are empty.'),
  readonly_paths: field(paths, pathsOf(READONLY_PATHS), 'Paths inside that nobody writes to.'),
  uid_map: optional(idMap, 'Users of the user namespace: inside, outside, count. Chosen where left out.'),
  gid_map: optional(idMap, 'Groups, likewise.'),
  no_new_privs: field(flag, true, 'Set-user-ID programs give nothing: PR_SET_NO_NEW_PRIVS.'),
} satisfies FieldsOf<SecurityConfig>);

/** The names themselves, each once, in the order of the kernel. */
export function droppedCapabilities(names: readonly string[]): readonly string[] {
  return CAPABILITIES.filter((name) => names.includes(name) || names.includes(ALL));
}
