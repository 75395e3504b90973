type Schema = Readonly<Record<string, unknown>>;

/** What says nothing about values. */
const ANNOTATIONS = [
  '$schema',
  '$id',
  '$defs',
  'title',
  'description',
  'default',
  'examples',
  'then',
  'else',
];

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  null: (value) => value === null,
  boolean: (value) => typeof value === 'boolean',
  number: (value) => typeof value === 'number',
  integer: Number.isInteger,
  string: (value) => typeof value === 'string',
  array: Array.isArray,
  object: isObject,
};

function isObject(value: unknown): value is Schema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Checks of values by the words of JSON Schema that ours is written in. Any other word is an error of the test. */
export function validator(root: Schema): (value: unknown) => boolean {
  const resolve = (reference: string) =>
    reference
      .split('/')
      .slice(1)
      .reduce<unknown>((at, key) => (at as Schema)[key], root) as Schema;

  const WORDS: Readonly<Record<string, (word: never, value: unknown, schema: Schema) => boolean>> = {
    $ref: (reference: string, value) => holds(resolve(reference), value),
    type: (types: string | string[], value) => [types].flat().some((type) => TYPES[type]?.(value)),
    enum: (words: unknown[], value) => words.includes(value),
    const: (word: unknown, value) => word === value,
    anyOf: (schemas: Schema[], value) => schemas.some((one) => holds(one, value)),
    if: (condition: Schema, value, schema) =>
      holds((holds(condition, value) ? schema.then : schema.else) as Schema, value),
    pattern: (form: string, value) => typeof value !== 'string' || new RegExp(form, 'u').test(value),
    minLength: (least: number, value) => typeof value !== 'string' || value.length >= least,
    minimum: (least: number, value) => typeof value !== 'number' || value >= least,
    exclusiveMinimum: (bound: number, value) => typeof value !== 'number' || value > bound,
    maximum: (most: number, value) => typeof value !== 'number' || value <= most,
    items: (schema: Schema, value) => !Array.isArray(value) || value.every((one) => holds(schema, one)),
    minItems: (least: number, value) => !Array.isArray(value) || value.length >= least,
    required: (keys: string[], value) => !isObject(value) || keys.every((key) => Object.hasOwn(value, key)),
    properties: (properties: Readonly<Record<string, Schema>>, value) =>
      !isObject(value) ||
      Object.entries(properties).every(([key, one]) => !Object.hasOwn(value, key) || holds(one, value[key])),
    propertyNames: (schema: Schema, value) =>
      !isObject(value) || Object.keys(value).every((key) => holds(schema, key)),
    additionalProperties: (rule: Schema | false, value, { properties = {} }) =>
      !isObject(value) ||
      Object.keys(value)
        .filter((key) => !Object.hasOwn(properties as Schema, key))
        .every((key) => rule !== false && holds(rule, value[key])),
  };

  function holds(schema: Schema, value: unknown): boolean {
    return Object.entries(schema).every(([word, rule]) => {
      if (ANNOTATIONS.includes(word)) return true;
      const check = WORDS[word];
      if (check === undefined) throw new Error(`${word} is no word of JSON Schema that is known here`);
      return check(rule as never, value, schema);
    });
  }
  return (value) => holds(root, value);
}
