import { FindingError, parseUnsigned, UsageError } from './args.ts';
import type { ShowContext } from './show/view.ts';

/** Words that the objects of `bridge` read alike. What is wrong with them ends with one exit code there, as here. */

/** A word that `bridge` would pass over in silence: a misspelt condition would be none. */
export function unknownWord(object: string, word: string): UsageError {
  return new UsageError(`Argument "${word}" is unknown, try "cofferdam bridge ${object} help".`);
}

/** The index of a link. */
export async function linkNamed(
  name: string,
  context: ShowContext,
  complaint = `Cannot find device "${name}"`,
): Promise<number> {
  try {
    return await context.linkIndex(name);
  } catch (error) {
    if (error instanceof FindingError) throw new UsageError(complaint);
    throw error;
  }
}

export function bridgeNamed(name: string, context: ShowContext): Promise<number> {
  return linkNamed(name, context, `Cannot find bridge device "${name}"`);
}

/** A VLAN id, up to 4095. */
export function vlanId(word: string): number {
  const vid = parseUnsigned(word);
  if (vid === undefined || vid > 4095) throw new UsageError(`Invalid VLAN ID "${word}"`);
  return vid;
}
