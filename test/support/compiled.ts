/**
 * src as plain JavaScript, for tests that need a process of their own: Node 20 runs no TypeScript.
 *
 * Every test worker may ask at the same time, and some are killed half-way: each compiles into a directory of its
 * own and renames it into place, where the first one wins. What killed workers left is swept by the next compile.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import ts from 'typescript';

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const cache = join(root, 'node_modules', '.cache', 'cofferdam-dist');

/** How long a compile that nobody used any more stays, in milliseconds. */
const KEPT_FOR = 3_600_000;

/** The directory with the compiled src: `${compiledDist()}/index.js`. Compiled only where src has changed. */
export function compiledDist(): string {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && !path.endsWith('.d.ts'))
    .sort()
    .map((path) => ({ path, text: readFileSync(join(root, 'src', path), 'utf8') }));
  const compilerOptions = readOptions();
  const hash = createHash('sha256').update(ts.version).update(JSON.stringify(compilerOptions));
  for (const { path, text } of sources) hash.update(`\0${path}\0${text}`);
  const target = join(cache, hash.digest('hex').slice(0, 16));
  if (existsSync(target)) {
    const now = new Date();
    utimesSync(target, now, now);
    return target;
  }

  mkdirSync(cache, { recursive: true });
  sweep();
  const scratch = join(cache, `${SCRATCH}${process.pid}-${Date.now()}`);
  try {
    for (const { path, text } of sources) {
      // Types were checked by `tsc`; file by file is what isolatedModules is for, and ten times as fast.
      const { outputText } = ts.transpileModule(text, { compilerOptions, fileName: path });
      const file = join(scratch, path.replace(/\.ts$/, '.js'));
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, outputText);
    }
    try {
      renameSync(scratch, target);
    } catch (error) {
      // Somebody else was faster, with the same content.
      if (!existsSync(target)) throw error;
    }
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return target;
}

/** A file: URL of a compiled module, for import statements: `compiledUrl('handle/index.js')`. */
export function compiledUrl(module: string): string {
  return pathToFileURL(join(compiledDist(), module)).href;
}

export interface ChildResult {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Node's own arguments; `--expose-gc` unless given. */
  readonly nodeArguments?: readonly string[];
  /** What starts Node, and its arguments: `prlimit`. */
  readonly program?: readonly string[];
  /** The program's arguments. */
  readonly arguments?: readonly string[];
  /** Milliseconds until it is killed, 50,000 unless given. */
  readonly timeout?: number;
}

/** Runs the text of an ES module in a Node of its own, with `import`s through {@link compiledUrl}. */
export function runModule(source: string, options: ChildOptions = {}): Promise<ChildResult> {
  const nodeArguments = options.nodeArguments ?? ['--expose-gc'];
  const [program, ...words] = [...(options.program ?? []), process.execPath, ...nodeArguments];
  const child = spawn(
    program as string,
    [...words, '--input-type=module', '--eval', source, '--', ...(options.arguments ?? [])],
    { cwd: root, env: { ...process.env, ...options.env }, stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeout ?? 50_000);
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr });
    });
  });
}

const SCRATCH = '.making-';

function readOptions(): ts.CompilerOptions {
  const read = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile);
  if (read.error !== undefined)
    throw new Error(ts.flattenDiagnosticMessageText(read.error.messageText, '\n'));
  const { options, errors } = ts.convertCompilerOptionsFromJson(read.config.compilerOptions, root);
  if (errors[0] !== undefined) throw new Error(ts.flattenDiagnosticMessageText(errors[0].messageText, '\n'));
  return {
    ...options,
    // NodeNext looks into package.json for the format, and file by file there is none to see.
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    noEmit: false,
    declaration: false,
    sourceMap: false,
    inlineSourceMap: true,
    inlineSources: true,
  };
}

/** Removes what nobody has used for long, and scratch directories whose process is gone. */
function sweep(): void {
  for (const name of readdirSync(cache)) {
    const path = join(cache, name);
    const owner = name.startsWith(SCRATCH) ? Number.parseInt(name.slice(SCRATCH.length), 10) : undefined;
    if (owner !== undefined ? isAlive(owner) : !isOld(path)) continue;
    rmSync(path, { recursive: true, force: true });
  }
}

function isOld(path: string): boolean {
  const status = statSync(path, { throwIfNoEntry: false });
  return status !== undefined && Date.now() - status.mtimeMs > KEPT_FOR;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
