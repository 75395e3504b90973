// What no tracked file may say: where it was typed, through which host it was installed, who or what wrote it.
//
//   node scripts/check/repo-text.mjs [DIRECTORY]      exit code 1 and one line per finding
//
// Paths and hosts are checked against lists of what is allowed, so that this file needs to name nothing else.
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { argv, exit } from 'node:process';
import { tracked } from './tracked.mjs';

/** Roots of absolute paths that mean the same on every Linux host; one of them exists on none. */
const ROOTS = new Set([
  // The cgroups of examples, as /proc/PID/cgroup spells them.
  'ci-jobs',
  'bin',
  'dev',
  'etc',
  'lib',
  'nonexistent',
  'proc',
  'run',
  'sbin',
  'sys',
  'usr',
  'var',
]);
/** What a text may call a file under /tmp: our own prefix, or the word of an example. */
const TEMPORARY = /^\/tmp\/(cofferdam|x\b|nowhere\b|missing\b)/;
const HOSTS = new Set([
  'biomejs.dev',
  'clang.llvm.org',
  'deb.debian.org',
  'docs.kernel.org',
  'github.com',
  'git.kernel.org',
  'json-schema.org',
  'json.schemastore.org',
  'keepachangelog.com',
  'man7.org',
  'nodejs.org',
  'semver.org',
  'vitest.dev',
  'www.kernel.org',
  'www.rfc-editor.org',
  'unpkg.com',
]);

const RULES = [
  {
    name: 'machine path',
    // An absolute path of two steps or more, where a path can begin; a URL's or a regular expression's is not one.
    find: /(?<=^|[\s"'`(=:,])\/(?:[a-z][\w.-]+)\/[\w.-]+/gim,
    allowed: (match) =>
      ROOTS.has(match.split('/')[1]) || TEMPORARY.test(match) || /^\/(\w+)\/[dgimsuvy]+$/.test(match),
  },
  {
    name: 'host',
    find: /\bhttps?:\/\/([\w.-]+)/gi,
    allowed: (match) => HOSTS.has(match.replace(/^https?:\/\//i, '').toLowerCase()),
  },
  { name: 'private host', find: /\b[\w-]+(?:\.[\w-]+)*\.(?:internal|corp|lan|intranet)\b(?!\()/gi },
  { name: 'secret', find: /_auth[T]oken|BEGIN [A-Z ]*PRIVATE [K]EY|\bgh[p]_\w{20,}/g },
  // Texts describe the product, never how they came to be.
  {
    name: 'authorship',
    find: /\b(?:L[L]Ms?|language m[o]dels?|chat ?b[o]ts?|A[I][- ](?:generated|assisted|written|agent)\w*|sub-?[a]gents?|co-[a]uthored-by|this s[e]ssion|the s[e]ssion's|my h[e]lper)\b/gi,
  },
  { name: 'conflict marker', find: /^(?:<{7}|>{7}|\|{7}) /gm },
  { name: 'unfinished', find: /\b(?:TO[D]O|FIX[M]E|X[X]X)\b/g },
];

/** Files whose text is not ours to choose: only secrets are looked for in the lock file. */
const rulesFor = (file) =>
  file === 'package-lock.json'
    ? RULES.filter((rule) => rule.name.startsWith('secret') || rule.name === 'private host')
    : RULES;

export function findings(directory) {
  const found = [];
  for (const file of tracked(directory)) {
    const bytes = readFileSync(join(directory, file));
    if (bytes.includes(0)) continue;
    const text = bytes.toString('utf8');
    for (const rule of rulesFor(file)) {
      for (const match of text.matchAll(rule.find)) {
        if (rule.allowed?.(match[0]) === true) continue;
        const line = text.slice(0, match.index).split('\n').length;
        found.push(`${file}:${line}: ${rule.name}: ${match[0].trim()}`);
      }
    }
  }
  return found;
}

if (resolve(argv[1] ?? '') === import.meta.filename) {
  const found = findings(resolve(argv[2] ?? '.'));
  for (const finding of found) console.log(finding);
  exit(found.length === 0 ? 0 : 1);
}
