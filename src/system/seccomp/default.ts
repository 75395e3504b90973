/** Where profiles come from: files, and the one that ships with this package. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fromNodeError, InvalidArgumentError, packageRoot } from '../../handle/index.ts';
import type { OciSeccomp } from './profile.ts';

let shipped: OciSeccomp | undefined;

const fromFiles = new WeakSet<object>();

/** Whether it was read from a file, and so is frozen all the way down: what was made of it can be kept. */
export function isFromFile(profile: OciSeccomp): boolean {
  return typeof profile === 'object' && profile !== null && fromFiles.has(profile);
}

/**
 * The profile of systems that name none: `profiles/seccomp.json` of this package, which is a good beginning for one of
 * your own. What it keeps out, and why, is in docs/systems-security.md.
 */
export function defaultSeccompProfile(): OciSeccomp {
  shipped ??= readSeccompProfile(join(packageRoot(), 'profiles', 'seccomp.json'));
  return shipped;
}

/**
 * Reads a profile, with numbers beyond 2^53 as exact as they are written. It is frozen, and compiled once for each set of
 * options however often it is used; it is checked where it is compiled.
 *
 * @throws SystemError where the file cannot be read
 * @throws InvalidArgumentError where it is no JSON
 */
export function readSeccompProfile(path: string): OciSeccomp {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw fromNodeError(error);
  }
  // As strings: JSON.parse would round them. Texts are matched whole, so that numbers within stay what they are.
  const exact = text.replace(/"(?:[^"\\]|\\.)*"|\d{16,}/g, (match) =>
    match.startsWith('"') ? match : `"${match}"`,
  );
  try {
    const profile = freeze(JSON.parse(exact)) as OciSeccomp;
    if (typeof profile === 'object' && profile !== null) fromFiles.add(profile);
    return profile;
  } catch (error) {
    throw new InvalidArgumentError(
      'profile',
      path,
      `is no JSON (${error instanceof Error ? error.message : String(error)})`,
      'a file with an OCI seccomp profile',
    );
  }
}

function freeze(value: unknown): unknown {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(freeze);
  return Object.freeze(value);
}
