import { columns, type Painter, painter } from '../../repl/terminal.ts';

/** How the tour prints: numbered acts, indented lines. */
export class Stage {
  readonly paint: Painter;
  readonly #write: (text: string) => void;
  #act = 0;

  constructor(write: (text: string) => void, color: boolean) {
    this.#write = write;
    this.paint = painter(color);
  }

  title(text: string, aside: string): void {
    this.#write(`${this.paint.bold(text)}  ${this.paint.dim(aside)}\n`);
  }

  act(title: string): void {
    this.#act++;
    this.#write(`\n${this.paint.cyan(`${this.#act}.`)} ${this.paint.bold(title)}\n`);
  }

  line(text = ''): void {
    this.#write(text === '' ? '\n' : `   ${text}\n`);
  }

  /** A text of several lines, `ip`'s for example. */
  block(text: string): void {
    for (const line of text.trimEnd().split('\n'))
      this.#write(`     ${line.trimEnd().replaceAll('\t', '    ')}\n`);
  }

  /** What one would type to see the same. */
  prompt(where: string, command: string): void {
    this.line(`${this.paint.dim(`${where} $`)} ${command}`);
  }

  table(rows: readonly (readonly string[])[]): void {
    this.#write(`${columns(rows, '     ')}\n`);
  }

  good(text: string): void {
    this.line(`${this.paint.green('✓')} ${text}`);
  }

  bad(text: string): void {
    this.line(`${this.paint.red('✗')} ${text}`);
  }
}
