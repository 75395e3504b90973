/** Several systems in one document: `systems`, and the `defaults` that they have in common. */
import { InvalidArgumentError } from '../../handle/index.ts';
import { field, type Kind, listOf, mapped, object, plainObject, required } from './kind.ts';
import { type Finding, type Path, Place } from './place.ts';

interface OneOfSeveral {
  readonly value: unknown;
  readonly path: Path;
}
/** Takes a document apart into configurations of one system each. */
export type Several = (document: { readonly value: unknown }, findings: Finding[]) => readonly OneOfSeveral[];

/** Looked at later, one system at a time. */
const anything: Kind<unknown> = { schema: {}, read: (value) => value };

const common: Kind<unknown> = {
  schema: {},
  read: (value, at) => plainObject(value ?? {}, at, 'an object of fields of systems'),
};

const list: Kind<readonly unknown[]> = mapped(listOf(anything, 'systems'), (systems, at) => {
  if (systems.length > 0) return systems;
  throw new InvalidArgumentError(at.field, systems, 'has no system', 'one at least');
});

const file = object({
  systems: required(list, 'The systems.'),
  defaults: field(common, {}, 'What they have in common.'),
});

export const severalOf: Several = ({ value }, findings) => {
  if (!isObject(value) || !Object.hasOwn(value, 'systems')) return [{ value, path: [] }];
  const place = new Place([], findings);
  const { systems = [], defaults } = place.attempt(() => file.read(value, place))?.value ?? {};
  return systems.map((one, index) => ({ value: merged(defaults, one), path: ['systems', index] }));
};

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Groups of fields are put together; all else of a system stands for itself. A group without content says nothing. */
function merged(common: unknown, own: unknown): unknown {
  if (!isObject(common)) return own === undefined ? common : own;
  if (own === undefined || own === null) return common;
  if (!isObject(own)) return own;
  const keys = new Set([...Object.keys(common), ...Object.keys(own)]);
  return Object.fromEntries([...keys].map((key) => [key, merged(common[key], own[key])]));
}
