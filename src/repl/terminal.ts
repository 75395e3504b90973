import pc from 'picocolors';

/** Colours of our own commands (doctor, tour, repl): for a terminal, unless NO_COLOR says no. */
export type Painter = Pick<
  ReturnType<typeof pc.createColors>,
  'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan'
>;

export function painter(color: boolean): Painter {
  return pc.createColors(color);
}

export function colorWanted(
  stream: { readonly isTTY?: boolean | undefined },
  environment: NodeJS.ProcessEnv = process.env,
): boolean {
  if ((environment.NO_COLOR ?? '') !== '') return false;
  return stream.isTTY === true && environment.TERM !== 'dumb';
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: SGR sequences begin with ESC, which has no width.
const SGR = /\u001b\[[0-9;]*m/g;

/** Columns that a text takes, colours aside. */
export function visibleWidth(text: string): number {
  return text.replace(SGR, '').length;
}

export function padVisible(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - visibleWidth(text)));
}

/** Aligned columns, two spaces between; the last one is not padded. */
export function columns(rows: readonly (readonly string[])[], indent = ''): string {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, visibleWidth(cell));
  }
  return rows
    .map((row) => {
      const cells = row.map((cell, i) => (i === row.length - 1 ? cell : padVisible(cell, widths[i] ?? 0)));
      return `${indent}${cells.join('  ')}`.trimEnd();
    })
    .join('\n');
}
