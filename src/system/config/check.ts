/** A configuration as an object: checked as a whole. */
import type { SystemConfig } from './config.ts';
import { crossCheck } from './cross-checks.ts';
import { system } from './fields.ts';
import { type PlacedIssue, type Position, SystemConfigError } from './issue.ts';
import type { JsonSchema } from './kind.ts';
import { nearest } from './nearest.ts';
import { type Finding, fieldName, Place } from './place.ts';
import { settle } from './settle.ts';
import type { SystemSpec } from './spec.ts';

/**
 * What a system is to be by this configuration: checked, with its defaults filled in.
 *
 * @throws SystemConfigError with everything that is wrong with it
 */
export function checkSystemConfig(config: SystemConfig): SystemSpec {
  const place = new Place();
  const spec = readSystem(config, place);
  if (spec === undefined)
    throw new SystemConfigError(
      place.findings.map((one) => placeFinding(one)),
      undefined,
    );
  return spec;
}

/** Undefined where something has been found. */
export function readSystem(config: unknown, place: Place): SystemSpec | undefined {
  const settled = place.attempt(() => system.read(config, place))?.value;
  if (settled === undefined) return undefined;
  const given = (config ?? {}) as Readonly<Record<string, unknown>>;
  crossCheck(settled, given, place);
  return place.findings.length > 0 ? undefined : settle(settled, given);
}

/** A finding as an error tells it. */
export function placeFinding(finding: Finding, position?: Position): PlacedIssue {
  const { path, subject, value, problem, remedy } = finding;
  const meant = finding.nearest ?? (subject === 'key' ? elsewhere(path.at(-1)) : undefined);
  return {
    position,
    issue: {
      field: fieldName(path),
      value,
      problem,
      remedy,
      ...(meant !== undefined && { nearest: meant }),
      ...(position !== undefined && { line: position.line, column: position.column }),
    },
  };
}

/** Where fields stand, by the last word of their names; '' for words that several fields have. */
let places: Map<string, string> | undefined;

/** The one field of such a name that stands in another place: `memory` is resource_limits.memory. */
function elsewhere(key: unknown): string | undefined {
  if (places === undefined) {
    places = new Map();
    for (const name of fieldNames(system.schema)) {
      const last = name.slice(name.lastIndexOf('.') + 1);
      places.set(last, places.has(last) ? '' : name);
    }
  }
  return places.get(nearest(String(key), places.keys()) ?? '') || undefined;
}

/** The names of all fields of a schema, those of groups before those in them. */
export function fieldNames(schema: JsonSchema, above = ''): string[] {
  const properties = (schema.properties ?? {}) as Readonly<Record<string, JsonSchema>>;
  return Object.entries(properties).flatMap(([key, one]) => [
    `${above}${key}`,
    ...fieldNames(one, `${above}${key}.`),
  ]);
}
