import { createInterface, type Interface } from 'node:readline';
import type { REPLServer } from 'node:repl';
import { PassThrough, type Readable } from 'node:stream';

/**
 * Hands lines of a file or a pipe to a console one at a time, the next when the last has been answered. Someone
 * who types waits for the prompt; a pipe does not.
 */
export class LinePacer {
  /** What the console is to read. */
  readonly output = new PassThrough();
  readonly #lines: Interface;
  readonly #waiting: string[] = [];
  #ended = false;
  #idle = false;

  constructor(input: Readable) {
    this.#lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY });
    this.#lines.on('line', (line) => {
      this.#waiting.push(line);
      this.#next();
    });
    this.#lines.on('close', () => {
      this.#ended = true;
      this.#next();
    });
  }

  /** Takes each prompt as the sign that the console is done with a line. */
  drive(server: REPLServer): void {
    // Instead of one: nobody types, so nobody is prompted.
    server.displayPrompt = () => {
      this.#idle = true;
      // Not from within the console's own turn: it still has to reset what it was in.
      setImmediate(() => this.#next());
    };
    server.once('exit', () => this.#lines.close());
    this.#idle = true;
    this.#next();
  }

  #next(): void {
    if (!this.#idle) return;
    const line = this.#waiting.shift();
    if (line !== undefined) {
      this.#idle = false;
      this.output.write(`${line}\n`);
    } else if (this.#ended) {
      this.output.end();
    }
  }
}
