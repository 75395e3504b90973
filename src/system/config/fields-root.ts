/** root: the file system of a system, and what goes in and out. */
import { InvalidArgumentError } from '../../handle/index.ts';
import type { BindConfig, ExportConfig, RootConfig } from './config.ts';
import {
  type FieldsOf,
  field,
  type Kind,
  listOf,
  mapped,
  object,
  optional,
  required,
  textOr,
} from './kind.ts';
import { nearest } from './nearest.ts';
import { MisspeltError } from './place.ts';
import type { BindSpec, ExportSpec } from './spec.ts';
import { absolutePath, checkedPath, flag, size } from './values.ts';

const anyPath = absolutePath('root');
const inside = absolutePath('below root');

const bindObject: Kind<BindSpec> = mapped(
  object({
    source: required(anyPath, 'On the host.'),
    target: optional(inside, 'Inside. As the source where left out.'),
    read_only: field(flag, false, 'Whether nothing is written through it.'),
  } satisfies FieldsOf<BindConfig>),
  ({ source, target, read_only: readOnly }, at) => ({
    source,
    target: target ?? checkedPath(source, at.at('source'), 'below root'),
    readOnly,
  }),
);

const BIND_FORM = "'/source:/target:ro', '/source:/target', '/same', or { source, target, read_only }";

const bindText: Kind<BindSpec> = {
  schema: { type: 'string', pattern: '^/[^:]*(:/[^:]*)?(:(ro|rw))?$' },
  read(value, at) {
    if (typeof value !== 'string') throw new InvalidArgumentError(at.field, value, 'is no bind', BIND_FORM);
    const parts = value.split(':');
    const last = parts.length > 1 && !parts.at(-1)?.startsWith('/') ? parts.pop() : 'rw';
    if (last !== 'ro' && last !== 'rw') {
      const word = `'${last}' is neither ro nor rw`;
      throw new MisspeltError(
        at.field,
        value,
        `has an option: ${word}`,
        BIND_FORM,
        nearest(last ?? '', ['ro', 'rw']),
      );
    }
    const [source, target = source, ...more] = parts;
    if (more.length > 0) throw new InvalidArgumentError(at.field, value, 'has too many colons', BIND_FORM);
    const place = { source: checkedPath(source, at, 'root'), target: checkedPath(target, at, 'below root') };
    return { ...place, readOnly: last === 'ro' };
  },
};

const exportObject: Kind<ExportSpec> = object({
  source: required(inside, 'Inside.'),
  target: required(inside, 'On the host.'),
} satisfies FieldsOf<ExportConfig>);

const exportText: Kind<ExportSpec> = {
  schema: { type: 'string', pattern: '^/[^:]+:/[^:]+$' },
  read(value, at) {
    const [source, target, ...more] = typeof value === 'string' ? value.split(':') : [];
    if (target === undefined || more.length > 0) {
      const remedy = "'/inside:/outside', or { source, target }";
      throw new InvalidArgumentError(at.field, value, 'is no export', remedy);
    }
    return { source: checkedPath(source, at, 'below root'), target: checkedPath(target, at, 'below root') };
  },
};

const TMPFS = 'tmpfs';

/** The path of a directory, or 'tmpfs'. */
const upper: Kind<string> = {
  schema: { anyOf: [{ const: TMPFS }, inside.schema] },
  read(value, at) {
    if (value === TMPFS) return TMPFS;
    if (typeof value === 'string' && value.startsWith('/')) return inside.read(value, at);
    const guess = typeof value === 'string' ? nearest(value, [TMPFS]) : undefined;
    const remedy = `'${TMPFS}', or the absolute path of a directory`;
    throw new MisspeltError(at.field, value, 'is no place to write to', remedy, guess);
  },
};

export const root = object({
  layers: field(
    listOf(anyPath, 'directories', (path) => path),
    [],
    'Directories of the host, the topmost first, which are only read. None: the root of the host.',
  ),
  upper: field(upper, TMPFS, "Where what is written goes: 'tmpfs', or a directory of the host."),
  size: field(size(4096n), '1G', 'The most that a tmpfs holds.'),
  binds: field(
    listOf(textOr(bindText, bindObject), 'binds', ({ target }) => target),
    [],
    "Files and directories of the host: '/source:/target:ro'.",
  ),
  exports: field(
    listOf(textOr(exportText, exportObject), 'exports', ({ target }) => target),
    [],
    "What is copied to the host when the system ends: '/inside:/outside'.",
  ),
} satisfies FieldsOf<RootConfig>);
