import { type Context, runInContext } from 'node:vm';

/**
 * Completion of names that looks at nothing but values already there. Node's own evaluates what stands before the
 * dot, getters included, and reads directories for `import('`: here a Tab must never open a socket or a file.
 */

export type Completion = [names: string[], of: string];

const CHAIN = /(?:[A-Za-z_$][\w$]*\.)*(?:[A-Za-z_$][\w$]*)?$/;

export function complete(line: string, context: Context, commands: readonly string[]): Completion {
  const command = /^\s*\.(\w*)$/.exec(line);
  if (command !== null) {
    const typed = command[1] ?? '';
    return [commands.filter((name) => name.startsWith(typed)).map((name) => `.${name}`), `.${typed}`];
  }
  const chain = CHAIN.exec(line)?.[0] ?? '';
  const before = line[line.length - chain.length - 1];
  // Inside a string, after a call or an index: what stands there could only be known by running it.
  if (chain === '' || before === '.' || before === "'" || before === '"' || before === '`') return [[], line];
  const parts = chain.split('.');
  const typed = parts.pop() ?? '';
  if (parts.length === 0) return [startingWith(globalNames(context), typed), typed];
  const owner = walk(parts, context);
  if (owner === undefined || owner === null) return [[], chain];
  const prefix = `${parts.join('.')}.`;
  return [startingWith(memberNames(owner), typed).map((name) => prefix + name), chain];
}

function startingWith(names: Iterable<string>, typed: string): string[] {
  return [...new Set(names)].filter((name) => name.startsWith(typed)).sort();
}

function globalNames(context: Context): string[] {
  return Object.getOwnPropertyNames(context).filter((name) => /^[A-Za-z_$][\w$]*$/.test(name));
}

/** The value at the end of a chain of names, as long as only plain values are on the way. */
function walk(parts: readonly string[], context: Context): unknown {
  const [first = '', ...rest] = parts;
  let value = globalValue(first, context);
  for (const name of rest) {
    if (value === undefined || value === null) return undefined;
    value = plainMember(value, name);
  }
  return value;
}

function globalValue(name: string, context: Context): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(context, name);
  if (descriptor !== undefined) return descriptor.get === undefined ? descriptor.value : undefined;
  try {
    // What was declared with const or let is no member of the context. A bare name runs nobody's code.
    return runInContext(name, context) as unknown;
  } catch {
    return undefined;
  }
}

/** A member's value, undefined rather than calling a getter. */
function plainMember(owner: unknown, name: string): unknown {
  for (let at: unknown = Object(owner); at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    const descriptor = Object.getOwnPropertyDescriptor(at, name);
    if (descriptor !== undefined) return descriptor.get === undefined ? descriptor.value : undefined;
  }
  return undefined;
}

/** Names of all members but those that every object has. */
function memberNames(owner: unknown): string[] {
  const names: string[] = [];
  for (let at: unknown = Object(owner); at !== null && at !== undefined; at = Object.getPrototypeOf(at)) {
    const own = Object.getOwnPropertyNames(at);
    // Of this realm or the console's: every Object.prototype has it.
    if (own.includes('__lookupGetter__')) break;
    names.push(...own.filter((name) => name !== 'constructor' && /^[A-Za-z_$][\w$]*$/.test(name)));
  }
  return names;
}
