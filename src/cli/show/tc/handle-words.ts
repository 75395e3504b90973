import {
  formatClassId,
  formatQdiscHandle,
  HANDLE_WORDS,
  parseClassId,
  parseQdiscHandle,
} from '../../../route/tc-handle.ts';
import { UsageError, type Words, wrongArgument } from '../../args.ts';

/** Handles as words of a command line, in the spelling that objects have. */

export function nextClassId(words: Words, message: string): string {
  const word = words.next();
  const handle = parseClassId(word, HANDLE_WORDS);
  if (handle === undefined) throw wrongArgument(word, message);
  return formatClassId(handle);
}

export function nextQdiscHandle(words: Words, message: string): string {
  const word = words.next();
  const handle = parseQdiscHandle(word);
  if (handle === undefined) throw wrongArgument(word, message);
  return formatQdiscHandle(handle);
}

/** For a word that nothing takes. */
export function unknownWord(word: string, object: string): UsageError {
  return new UsageError(`What is "${word}"? Try "cofferdam tc ${object} help".`);
}
