/** The words of `cofferdam cgroup set`: the kernel's files and what is to be written to them. */
import type { Cgroup, CgroupLimits } from '../../cgroup/index.ts';
import { incompleteCommand, UsageError, type Words } from '../args.ts';

/** What a file is called among the limits, where that is not its name in camelCase. */
const FIELDS: Readonly<Record<string, string>> = { 'max.burst': 'burst', 'cpus.partition': 'partition' };

const CONTROLLERS = ['cpu', 'memory', 'pids', 'io', 'cpuset', 'hugetlb', 'rdma', 'misc'];

type Tree = { [key: string]: unknown };

export async function applyWords(cg: Cgroup, words: Words): Promise<void> {
  const limits: Tree = {};
  const controllers: string[] = [];
  if (!words.more) throw incompleteCommand();
  while (words.more) {
    const file = words.next();
    if (file === 'subtree_control' || file === 'cgroup.subtree_control') {
      while (words.peek?.startsWith('+')) controllers.push(words.next().slice(1));
      if (controllers.length === 0) throw incompleteCommand();
    } else readLimit(limits, file, words);
  }
  await cg.enableControllers(controllers);
  await cg.set(limits as CgroupLimits);
}

function readLimit(limits: Tree, file: string, words: Words): void {
  const [controller = '', ...rest] = file.split('.');
  if (!CONTROLLERS.includes(controller) || rest.length === 0)
    throw new UsageError(`Argument "${file}" is unknown, try "cofferdam cgroup help".`);
  const isWeight = /^io\.(bfq\.)?weight$/.test(file);
  if (controller === 'hugetlb') {
    const [size = '', ...suffix] = rest;
    put(limits, ['hugetlb', size, camelCase(suffix.join('.'))], words.next());
  } else if (isWeight && words.take('default')) {
    put(limits, ['io', camelCase(rest.join('.'))], words.next());
  } else if (isWeight && /^(\d+:\d+|\/)/.test(words.peek ?? '')) {
    const device = words.next();
    put(limits, ['io', `${camelCase(rest.join('.'))}s`, device], number(words.next()));
  } else if (file === 'io.max' || file === 'rdma.max') {
    const path = file === 'io.max' ? ['io', 'max'] : ['rdma'];
    const device = words.next();
    if (!words.peek?.includes('=')) throw incompleteCommand();
    while (words.peek?.includes('=')) {
      const [key = '', value = ''] = words.next().split('=');
      put(limits, [...path, device, camelCase(key)], value);
    }
  } else if (controller === 'misc') {
    put(limits, ['misc', words.next()], words.next());
  } else {
    const name = rest.join('.');
    const word = words.next();
    const isFlag = file === 'memory.oom.group' || file === 'cpu.idle';
    put(limits, [controller, FIELDS[name] ?? camelCase(name)], isFlag ? flag(word) : word);
  }
}

/** 0 and 1 as in the file, and the words for them; anything else is refused as what it is. */
function flag(word: string): unknown {
  if (word === '1' || word === 'true') return true;
  return word === '0' || word === 'false' ? false : word;
}

/** A word that is a number as one, for limits that are never anything else. */
function number(word: string): unknown {
  return /^\d+$/.test(word) ? Number(word) : word;
}

function camelCase(name: string): string {
  return name.replace(/[._]([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

function put(limits: Tree, [key = '', ...path]: readonly string[], value: unknown): void {
  if (path.length === 0) {
    limits[key] = value;
    return;
  }
  const below = (limits[key] ?? {}) as Tree;
  limits[key] = below;
  put(below, path, value);
}
