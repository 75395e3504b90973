/**
 * Finds and loads the C++ addon, once per thread.
 *
 * Where nothing can be loaded the message is the user interface: it says what was tried and the exact commands
 * that help.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CofferdamError } from './errors.ts';
import type { NativeBinding } from './native.ts';

let loaded: NativeBinding | undefined;

/**
 * The addon. `COFFERDAM_ADDON`, a path of a .node file, goes before everything else; otherwise
 * build/Release, build/Debug and prebuilds/ are searched, in this order.
 *
 * @throws CofferdamError ERR_COFFERDAM_ADDON
 */
export function loadBinding(): NativeBinding {
  loaded ??= load();
  return loaded;
}

/** The directory that holds this package's package.json. */
export function packageRoot(): string {
  const start = dirname(fileURLToPath(import.meta.url));
  for (let directory = start; ; directory = dirname(directory)) {
    if (manifest(directory)?.name === 'cofferdam') return directory;
    if (directory === dirname(directory)) return resolve(start, '..', '..');
  }
}

/** This package's version, as package.json has it; '' where there is none to read. */
export function packageVersion(): string {
  return manifest(packageRoot())?.version ?? '';
}

function load(): NativeBinding {
  if (process.platform !== 'linux') {
    throw addonError(`cofferdam needs Linux; this is ${process.platform}`, ['Run it on a Linux host.']);
  }
  const require = createRequire(import.meta.url);
  const explicit = process.env.COFFERDAM_ADDON;
  const root = packageRoot();
  let binding: NativeBinding;
  try {
    if (explicit !== undefined && explicit !== '') binding = require(resolve(explicit)) as NativeBinding;
    else binding = (require('node-gyp-build') as (directory: string) => NativeBinding)(root);
  } catch (error) {
    throw addonError(
      `the native addon could not be loaded${explicit ? ` from COFFERDAM_ADDON=${explicit}` : ''}: ${reason(error)}`,
      remedies(root, explicit),
      error,
    );
  }
  const version = packageVersion();
  if (version !== '' && binding.version !== version) {
    throw addonError(
      `the native addon is version ${binding.version}, the package ${version}: a stale build`,
      ['Build it again:  npm rebuild cofferdam   (in a clone: npm run build:native)'],
    );
  }
  return binding;
}

function remedies(root: string, explicit: string | undefined): string[] {
  if (explicit) {
    return [
      `Check that ${explicit} exists and was built for ${process.arch} and this C library.`,
      'Or unset COFFERDAM_ADDON to use the addon of the package.',
    ];
  }
  const list: string[] = [];
  if (existsSync(join(root, '.git'))) list.push('In a clone:  npm ci   or   npm run build:native');
  list.push(
    'In an application:  npm rebuild cofferdam   (npm install --ignore-scripts leaves the addon unbuilt)',
    'Building needs g++ 12 or clang 14, make, python3, and Node headers: offline, set npm_config_nodedir=/usr',
    `This is Node ${process.versions.node} on ${process.platform}-${process.arch}; node_modules copied from another`,
    '  platform or C library must be installed again: rm -rf node_modules && npm ci',
  );
  return list;
}

function addonError(problem: string, list: string[], cause?: unknown): CofferdamError {
  const message = `${problem}\nWhat helps:\n${list.map((line) => `  ${line}`).join('\n')}`;
  return new CofferdamError('ERR_COFFERDAM_ADDON', message, { cause });
}

function reason(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}

function manifest(directory: string): { name?: string; version?: string } | undefined {
  try {
    return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as {
      name?: string;
      version?: string;
    };
  } catch {
    return undefined;
  }
}
