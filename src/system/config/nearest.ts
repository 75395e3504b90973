/** What somebody meant who wrote a word that does not exist. */

/**
 * The candidate that is nearest to a misspelt word, by letters left out, added, exchanged or swapped; undefined where none
 * is near. How a candidate joins its words is no difference: 'gracePeriod' is 'grace_period'.
 */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  const wanted = bare(word);
  // Nobody's misspelling; and distances of long texts take long.
  if (wanted === '' || wanted.length > 64) return undefined;
  let best: string | undefined;
  let least = Number.POSITIVE_INFINITY;
  for (const candidate of candidates) {
    const known = bare(candidate);
    const far = isAbbreviation(wanted, known) ? 1 : distance(wanted, known);
    if (far <= Math.max(1, Math.floor(Math.max(wanted.length, known.length) / 3)) && far < least) {
      best = candidate;
      least = far;
    }
  }
  return best;
}

function bare(word: string): string {
  return word.toLowerCase().replace(/[-_\s]/g, '');
}

/** 'mem' is memory, 'timeouts' is timeout; one letter alone is nothing. */
function isAbbreviation(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length);
  return shorter > 2 && one.slice(0, shorter) === other.slice(0, shorter);
}

/** The distance of Damerau and Levenshtein, with no letter swapped twice. */
export function distance(one: string, other: string): number {
  let before: number[] = [];
  let last = Array.from({ length: other.length + 1 }, (_, i) => i);
  for (let i = 1; i <= one.length; i++) {
    const row = [i];
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1];
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]) {
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      }
      row.push(least);
    }
    before = last;
    last = row;
  }
  return last[other.length] ?? 0;
}
