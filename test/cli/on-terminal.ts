import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { compiledDist } from '../support/compiled.ts';

/**
 * What script(1) has seen on a terminal that it gave to our command line. In it `typed` was typed, or happened, each when the
 * text before it had been seen.
 */
export async function onTerminal(
  words: readonly string[],
  typed: readonly (readonly [seen: string, keys: string | (() => void)])[] = [],
): Promise<{ code: number | null; output: string }> {
  const cli = [process.execPath, join(compiledDist(), 'cli', 'main.js'), ...words];
  const line = cli.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ');
  const script = spawn('script', [
    '-qec',
    // The shell has what comes after, whatever ends us.
    `trap : INT; stty rows 30 cols 100; ${line}; code=$?; stty -a; exit $code`,
    '/dev/null',
  ]);
  const timer = setTimeout(() => script.kill('SIGKILL'), 50_000);
  let output = '';
  const left = [...typed];
  script.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
    const [next] = left;
    if (next === undefined || !output.includes(next[0])) return;
    left.shift();
    if (typeof next[1] === 'string') script.stdin.write(next[1]);
    else next[1]();
  });
  return await new Promise((settle) => {
    script.on('close', (code) => {
      clearTimeout(timer);
      settle({ code, output });
    });
  });
}
