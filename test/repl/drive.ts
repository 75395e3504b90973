import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { type Console, type ConsoleOptions, startConsole } from '../../src/repl/console.ts';
import { turns } from '../support/look.ts';

export interface Driven {
  readonly console: Console;
  /** Types a line and resolves to what the console answered, up to the next prompt. */
  type(line: string): Promise<string>;
  /** Types keys without a line break, and resolves to what came back within some turns. */
  keys(keys: string): Promise<string>;
  /** Idempotent. */
  end(): Promise<void>;
}

const PROMPT = /cofferdam[>!] $/;

/** A console on streams, as at a terminal. */
export async function drive(options: Partial<ConsoleOptions> = {}): Promise<Driven> {
  const input = new PassThrough();
  const output = Object.assign(new PassThrough(), { columns: 160 });
  let heard = '';
  let ended = false;
  let wake = () => {};
  output.setEncoding('utf8').on('data', (text: string) => {
    heard += text;
    wake();
  });
  const started = startConsole({
    input,
    output,
    terminal: true,
    color: false,
    allowWrite: false,
    open: {},
    ...options,
  });
  // biome-ignore lint/suspicious/noControlCharactersInRegex: cursor movements of the line editor begin with ESC.
  const CURSOR = /\u001b\[[0-9;]*[A-Za-z]/g;
  const plain = () => heard.replace(CURSOR, '');
  const prompted = async () => {
    const deadline = performance.now() + 30_000;
    while (!PROMPT.test(plain())) {
      if (performance.now() > deadline) throw new Error(`no prompt, but: ${JSON.stringify(heard)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 100);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  await prompted();
  return {
    console: started,
    async type(line) {
      heard = '';
      input.write(`${line}\n`);
      // The line is echoed first, and the old prompt may be drawn with it.
      await turns(10);
      await prompted();
      const text = plain();
      const start = text.indexOf('\n');
      return text
        .slice(start + 1)
        .replace(PROMPT, '')
        .replaceAll('\r', '')
        .trimEnd();
    },
    async keys(keys) {
      heard = '';
      for (const key of keys) input.write(key);
      await turns(50);
      return plain();
    },
    async end() {
      if (ended) return;
      ended = true;
      const exit = once(started.server, 'exit');
      started.server.close();
      await exit;
      await started.close();
    },
  };
}
