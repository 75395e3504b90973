/** logs: what is kept of what programs write. */
import { InvalidArgumentError } from '../../handle/index.ts';
import type { SystemConfig } from './config.ts';
import { type FieldsOf, type Kind, mapped, object, required, word } from './kind.ts';
import type { LogsSpec } from './spec.ts';
import { size } from './values.ts';

const LEAST = 4096n;
const MOST = 1n << 30n;

const max: Kind<number> = mapped(size(LEAST), (bytes, at) => {
  if (bytes <= MOST) return Number(bytes);
  throw new InvalidArgumentError(at.field, bytes, 'is out of range', "'64K', '1M', at most '1G'");
});

const logsObject = object({
  max: required(max, 'The most that is kept; what is older gives way.'),
} satisfies FieldsOf<Exclude<NonNullable<SystemConfig['logs']>, string>>);
const none = word(['none']);

export const logs: Kind<LogsSpec | undefined> = {
  schema: { anyOf: [none.schema, logsObject.schema] },
  read(value, at) {
    if (typeof value === 'object' && value !== null) return logsObject.read(value, at);
    none.read(value, at);
    return undefined;
  },
};
