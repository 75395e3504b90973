import { systemConfigSchema } from '../../../src/system/config/index.ts';

type Schema = Readonly<Record<string, unknown>>;

export interface Leaf {
  /** 'resource_limits.memory.max' */
  readonly name: string;
  readonly schema: Schema;
}

/** The fields that a value is given to, in the order of the schema: groups of fields are none. */
export function leaves(): readonly Leaf[] {
  const { system } = systemConfigSchema.$defs as { readonly system: Schema };
  return below(system, '');
}

function below(schema: Schema, above: string): Leaf[] {
  const forms = [schema, ...((schema.anyOf ?? []) as Schema[])];
  const properties = forms.flatMap((form) =>
    Object.entries((form.properties ?? {}) as Record<string, Schema>),
  );
  return properties.flatMap(([key, one]) => {
    const name = `${above}${key}`;
    // The environment has keys of its own, and a value of several forms is one to set.
    const isGroup = one.properties !== undefined && one.anyOf === undefined;
    // cpu.max may be an object; its keys are none of the configuration's vocabulary.
    const inner = name === 'resource_limits.cpu.max' ? [] : below(one, `${name}.`);
    return [...(isGroup ? [] : [{ name, schema: one }]), ...inner];
  });
}
