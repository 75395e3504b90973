import { InvalidArgumentError } from '../handle/errors.ts';
import { KIND_FIELDS, KINDS, type Kind, PAIRED, PORT_FIELDS, PORT_KINDS } from './kinds/index.ts';
import { linkAttributes } from './link-attributes.ts';
import {
  BIRTH,
  LATER,
  type LinkInput,
  type LinkSettings,
  MOMENTARY,
  PLAIN,
  SWITCHES,
} from './link-settings.ts';
import { ALT_IFNAME_MAX, IFNAME_MAX } from './names.ts';

const REFERENCES = ['master', 'netns'];
const INFO = [...KIND_FIELDS, ...PORT_FIELDS, 'kind', 'kindData', 'portKind', 'portData'];
const SETTINGS = new Set<string>([
  'ifname',
  ...PLAIN,
  ...LATER,
  ...MOMENTARY,
  ...Object.keys(SWITCHES),
  ...REFERENCES,
  ...INFO,
  'altnames',
  'raw',
]);
const PEER_FIELDS = new Set<string>([
  'ifname',
  ...PLAIN,
  ...BIRTH,
  ...Object.keys(SWITCHES),
  'netns',
  'index',
]);
/** What a listed link has that add() does not take as a setting. */
const READINGS = new Set<string>([
  ...Object.keys(linkAttributes.specs),
  'ifindex',
  'linkType',
  'xstats',
  'kindRaw',
]);
const INPUT_FIELDS = new Set<string>([
  ...SETTINGS,
  ...BIRTH,
  'flags',
  'link',
  'linkIndex',
  'linkNetnsid',
  'peer',
  'index',
]);

function list(names: Iterable<string>): string {
  return [...names].sort().join(', ');
}

function refuse(field: string, value: unknown, known: ReadonlySet<string>, what: string): never {
  throw new InvalidArgumentError(field, value, `is no ${what}`, `some of ${list(known)}`);
}

function checkKindFields(kind: Kind, field: string, value: unknown, strict: boolean): void {
  if (typeof value !== 'object' || value === null)
    throw new InvalidArgumentError(
      field,
      value,
      'is no object',
      `an object with some of ${list(kind.fields)}`,
    );
  for (const [name, one] of Object.entries(value)) {
    if (one === undefined) continue;
    if (!kind.fields.has(name)) refuse(`${field}.${name}`, one, kind.fields, `setting of a ${field}`);
    if (strict && kind.readings.has(name))
      throw new InvalidArgumentError(
        `${field}.${name}`,
        one,
        'cannot be set: the kernel only tells it',
        `some of ${list([...kind.fields].filter((known) => !kind.readings.has(known)))}`,
      );
  }
}

/** Throws for fields that mean nothing here: a misspelled setting must not be passed over. */
function checkFields(input: object, prefix: string, known: ReadonlySet<string>, strict: boolean): void {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new InvalidArgumentError(
      prefix.slice(0, -1) || 'link',
      input,
      'is no object',
      `an object with some of ${list(known)}`,
    );
  for (const [field, value] of Object.entries(input)) {
    if (value === undefined || known.has(field)) continue;
    if (!strict && READINGS.has(field)) continue;
    if (READINGS.has(field) || INPUT_FIELDS.has(field))
      throw new InvalidArgumentError(`${prefix}${field}`, value, 'cannot be set', `some of ${list(known)}`);
    refuse(`${prefix}${field}`, value, known, 'setting of a link');
  }
  const given = input as Record<string, unknown>;
  for (const field of KIND_FIELDS)
    if (given[field] !== undefined) checkKindFields(KINDS[field], field, given[field], strict);
  for (const field of PORT_FIELDS)
    if (given[field] !== undefined) checkKindFields(PORT_KINDS[field], field, given[field], strict);
  checkLinkName(given.ifname, `${prefix}ifname`);
  checkAltnames(given.altnames);
}

function checkAltnames(altnames: unknown): void {
  if (altnames === undefined) return;
  const valid = (name: unknown) =>
    typeof name === 'string' &&
    name !== '' &&
    Buffer.byteLength(name) <= ALT_IFNAME_MAX &&
    !/[\s/:\0]/.test(name);
  if (!Array.isArray(altnames) || !altnames.every(valid))
    throw new InvalidArgumentError(
      'altnames',
      altnames,
      'is no list of names',
      `an array of names of 1 to ${ALT_IFNAME_MAX} bytes without spaces, slashes and colons`,
    );
}

/** dev_valid_name() in net/core/dev.c. */
export function checkLinkName(name: unknown, field: string): void {
  if (name === undefined) return;
  const valid =
    typeof name === 'string' &&
    name !== '' &&
    name !== '.' &&
    name !== '..' &&
    Buffer.byteLength(name) <= IFNAME_MAX &&
    !/[\s/:\0]/.test(name);
  if (!valid)
    throw new InvalidArgumentError(
      field,
      name,
      'is no name for a link',
      `1 to ${IFNAME_MAX} bytes without spaces, slashes and colons`,
    );
}

/** Throws an InvalidArgumentError that names the field. */
export function checkSettings(settings: LinkSettings): void {
  checkFields(settings, '', SETTINGS, true);
}

/** Throws an InvalidArgumentError that names the field. */
export function checkInput(input: LinkInput): void {
  checkFields(input, '', INPUT_FIELDS, false);
  if (typeof input.kind !== 'string' || input.kind === '')
    throw new InvalidArgumentError(
      'kind',
      input.kind,
      'is no kind of link',
      'veth, bridge, vxlan, macvlan, ...',
    );
  if (input.peer === undefined) return;
  if (!PAIRED.has(input.kind))
    throw new InvalidArgumentError(
      'peer',
      input.peer,
      `does not go with kind ${input.kind}`,
      `it to one of ${list(PAIRED)}`,
    );
  checkFields(input.peer, 'peer.', PEER_FIELDS, true);
}
