/** What somebody may have meant. */

/** Beyond it a word is another one, not a misspelt one. */
const FARTHEST = 3;

/** The word that takes the fewest changes of letters; undefined where none is near. */
export function nearest(word: string, words: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.min(FARTHEST, Math.ceil(word.length / 2)) + 1;
  for (const candidate of words) {
    const changes = distance(word.toLowerCase(), candidate.toLowerCase());
    if (changes >= least) continue;
    least = changes;
    best = candidate;
  }
  return best;
}

/** `NEAREST, or another of A, B`, as the remedy of an error has it. */
export function oneOf(value: unknown, words: readonly string[]): string {
  const best = typeof value === 'string' ? nearest(value, words) : undefined;
  if (best === undefined) return `one of ${words.join(', ')}`;
  const others = words.filter((word) => word !== best);
  return others.length === 0 ? best : `${best}, or another of ${others.join(', ')}`;
}

/** Letters put in, left out, replaced, or swapped with their neighbour. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let changes = Math.min((row[j - 1] ?? 0) + (same ? 0 : 1), (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        changes = Math.min(changes, (before[j - 2] ?? 0) + 1);
      next.push(changes);
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
