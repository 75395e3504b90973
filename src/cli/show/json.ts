import type { JsonObject, JsonValue } from './view.ts';

/**
 * JSON in iproute2's layout: one line, or with `pretty` four spaces an indent, arrays opening on the line of
 * their key. A bigint prints as an integer, which JSON.stringify() refuses to do. Undefined members are left out.
 */
export function formatJson(value: JsonValue, pretty = false): string {
  return pretty ? formatPretty(value, 0) : formatCompact(value);
}

function formatScalar(value: string | number | bigint | boolean | null): string {
  return typeof value === 'bigint' ? value.toString() : JSON.stringify(value);
}

function isScalar(value: JsonValue): value is string | number | bigint | boolean | null {
  return value === null || typeof value !== 'object';
}

function members(value: JsonObject): [string, JsonValue][] {
  return Object.entries(value).filter((entry): entry is [string, JsonValue] => entry[1] !== undefined);
}

function formatCompact(value: JsonValue): string {
  if (isScalar(value)) return formatScalar(value);
  if (Array.isArray(value)) return `[${value.map(formatCompact).join(',')}]`;
  return `{${members(value)
    .map(([key, member]) => `${JSON.stringify(key)}:${formatCompact(member)}`)
    .join(',')}}`;
}

function formatPretty(value: JsonValue, depth: number): string {
  if (isScalar(value)) return formatScalar(value);
  if (Array.isArray(value)) {
    if (value.length === 0) return '[ ]';
    return `[ ${value.map((item) => formatPretty(item, depth + 1)).join(',')} ]`;
  }
  const list = members(value);
  if (list.length === 0) return '{}';
  const indent = `\n${'    '.repeat(depth + 1)}`;
  const body = list.map(
    ([key, member]) => `${indent}${JSON.stringify(key)}: ${formatPretty(member, depth + 1)}`,
  );
  return `{${body.join(',')}\n${'    '.repeat(depth)}}`;
}
