import { InvalidArgumentError } from '../handle/errors.ts';
import { flagBits, ValueError } from '../netlink/wire/codec.ts';

/** The bits of a field's words; a word that is none becomes the typed error that names the field. */
export function fieldFlags(
  field: string,
  words: readonly string[],
  bits: Readonly<Record<string, number>>,
): number {
  try {
    return flagBits(words, bits);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new InvalidArgumentError(field, error.value, 'is no word for this', error.remedy);
  }
}
