/** fnmatch(3) without flags, as `ip` matches labels: neither a slash nor a leading dot is special. */
export function fileNameMatches(pattern: string, text: string): boolean {
  return toExpression(pattern)?.test(text) ?? false;
}

const CLASSES: Readonly<Record<string, string>> = {
  alnum: 'a-zA-Z0-9',
  alpha: 'a-zA-Z',
  blank: ' \\t',
  digit: '0-9',
  lower: 'a-z',
  punct: '!-\\/:-@\\[-`{-~',
  space: '\\s',
  upper: 'A-Z',
  xdigit: '0-9a-fA-F',
};

const quote = (char: string) => char.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');

/** Undefined for a pattern that matches nothing: one that ends in a backslash. */
function toExpression(pattern: string): RegExp | undefined {
  let source = '';
  let at = 0;
  while (at < pattern.length) {
    const char = pattern[at] ?? '';
    at++;
    if (char === '*') source += '.*';
    else if (char === '?') source += '.';
    else if (char === '\\') {
      const next = pattern[at];
      if (next === undefined) return undefined;
      source += quote(next);
      at++;
    } else if (char === '[') {
      const bracket = readBracket(pattern, at);
      // An opening bracket that nothing closes is itself.
      source += bracket?.source ?? '\\[';
      at = bracket?.end ?? at;
    } else source += quote(char);
  }
  try {
    return new RegExp(`^${source}$`, 's');
  } catch {
    // A range that runs backwards.
    return undefined;
  }
}

function readBracket(pattern: string, start: number): { source: string; end: number } | undefined {
  let at = start;
  let source = '[';
  if (pattern[at] === '!' || pattern[at] === '^') {
    source += '^';
    at++;
  }
  // A closing bracket in the first place is one of the set.
  for (const first = at; at < pattern.length; ) {
    const char = pattern[at] ?? '';
    if (char === ']' && at > first) return { source: `${source}]`, end: at + 1 };
    const named = /^\[:(\w+):\]/.exec(pattern.slice(at));
    if (named !== null) {
      source += CLASSES[named[1] ?? ''] ?? '';
      at += named[0].length;
    } else if (char === '-' && at > first && pattern[at + 1] !== ']') {
      source += '-';
      at++;
    } else {
      const escaped = char === '\\' && at + 1 < pattern.length;
      source += quote(escaped ? (pattern[at + 1] ?? '') : char);
      at += escaped ? 2 : 1;
    }
  }
  return undefined;
}
