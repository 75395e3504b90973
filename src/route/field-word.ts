import { InvalidArgumentError } from '../handle/errors.ts';

/** Throws the typed error that names the field unless the value is one of the words. */
export function fieldWord(field: string, value: unknown, words: readonly string[]): void {
  if (typeof value === 'string' && words.includes(value)) return;
  throw new InvalidArgumentError(field, value, 'is no word for this', `one of ${words.join(', ')}`);
}
