/** The JSON Schema of a configuration: for editors, and for those who write configurations by program. */
import { system } from './fields.ts';
import type { JsonSchema } from './kind.ts';

/**
 * JSON Schema, draft 2020-12, of what parseSystemConfigs takes: one system, or `systems` with `defaults`. It says what can be
 * said of single fields; what they have to do with each other is checked besides. Published as
 * cofferdam/schema/system.schema.json.
 */
export const systemConfigSchema: JsonSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  $id: 'https://unpkg.com/cofferdam/schema/system.schema.json',
  title: 'A disposable system',
  if: { type: 'object', properties: { systems: {} }, required: ['systems'] },
  // biome-ignore lint/suspicious/noThenProperty: the keyword of JSON Schema.
  then: {
    type: 'object',
    properties: {
      systems: { type: 'array', items: { $ref: '#/$defs/system' }, minItems: 1 },
      defaults: { $ref: '#/$defs/system', description: 'What the systems have in common.' },
    },
    required: ['systems'],
    additionalProperties: false,
  },
  else: { $ref: '#/$defs/system' },
  $defs: { system: system.schema },
};
