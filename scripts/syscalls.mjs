// The numbers of system calls, from the kernel's headers, as src/system/seccomp/syscalls.ts has them.
//
//   node scripts/syscalls.mjs [--json] [INCLUDE-DIRECTORY]      prints the module, or the tables alone
//
// INCLUDE-DIRECTORY is the usr/include of a linux-libc-dev unpacked somewhere, or of `make headers_install`: take the
// newest there is. Without it, the headers of this host.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { exit } from 'node:process';
import { parseArgs } from 'node:util';

/** What arm64 defines before it includes the generic table: its uapi/asm/unistd.h. */
const AARCH64 = ['RENAMEAT', 'NEW_STAT', 'SET_GET_RLIMIT', 'TIME32_SYSCALLS', 'MEMFD_SECRET', 'SYS_CLONE3'];

/** Names and numbers of one header, by number. Its own words for 64 bits (__NR3264_mmap) are followed. */
function readTable(header, include, defines = []) {
  const directories = [include, include && join(include, 'x86_64-linux-gnu')].filter(
    (directory) => directory !== undefined && existsSync(directory),
  );
  const flags = [...directories.map((directory) => `-I${directory}`), ...defines.map((name) => `-D${name}`)];
  const text = execFileSync('cc', ['-E', '-dM', '-x', 'c', ...flags, '-'], {
    input: `#include <${header}>\n`,
    encoding: 'utf8',
  });
  const values = new Map(
    [...text.matchAll(/^#define (__NR\w+) (.*)$/gm)].map(([, name, value]) => [name, value]),
  );
  const number = (value) => (values.has(value) ? number(values.get(value)) : Number.parseInt(value, 10));
  return [...values]
    .filter(([name]) => name.startsWith('__NR_') && !/^__NR_(syscalls|arch_specific_syscall)$/.test(name))
    .map(([name, value]) => [name.slice('__NR_'.length), number(value)])
    .sort(([, a], [, b]) => a - b);
}

/** The tables of the headers in a directory, or of this host's. Of i386 only the names are of use. */
function readTables(include) {
  return {
    x86_64: readTable('asm/unistd_64.h', include),
    aarch64: readTable(
      'asm-generic/unistd.h',
      include,
      AARCH64.map((name) => `__ARCH_WANT_${name}`),
    ),
    i386: readTable('asm/unistd_32.h', include),
  };
}

/** Words in lines; a number says where the next word stands, where that is not behind the last one. */
function wrap(table) {
  const lines = [];
  let line = '';
  let expected = -1;
  for (const [name, number] of table) {
    const words = number === expected ? name : `${number} ${name}`;
    expected = number + 1;
    if (line.length + words.length > 108) {
      lines.push(line);
      line = number === expected - 1 && words === name ? `${number} ${name}` : words;
    } else line = line === '' ? words : `${line} ${words}`;
  }
  return [...lines, line].map((text) => `  ${text}`).join('\n');
}

const { values, positionals } = parseArgs({
  options: { json: { type: 'boolean', default: false } },
  allowPositionals: true,
});
const { x86_64, aarch64, i386 } = readTables(positionals[0]);
if (values.json) {
  console.log(JSON.stringify({ x86_64, aarch64, i386 }));
  exit(0);
}
const known = new Set([...x86_64, ...aarch64].map(([name]) => name));
const elsewhere = i386.map(([name]) => name).filter((name) => !known.has(name));
const names = wrap(elsewhere.sort().map((name, index) => [name, index])).replace(/\b\d+ /g, '');
console.log(`/** System calls by name, from the kernel's headers by scripts/syscalls.mjs, which see. */

export type Architecture = 'x86_64' | 'aarch64';

const X86_64 = \`
${wrap(x86_64)}\`;

const AARCH64 = \`
${wrap(aarch64)}\`;

/** What only 32-bit architectures have, and profiles for all of them name. */
const ELSEWHERE: ReadonlySet<string> = new Set(
  \`
${names}\`
    .trim()
    .split(/\\s+/),
);

/** Names in order; a number says which one the next name has. */
function parse(text: string): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  let next = 0;
  for (const word of text.trim().split(/\\s+/)) {
    if (/^\\d+$/.test(word)) next = Number(word);
    else numbers.set(word, next++);
  }
  return numbers;
}

/** The numbers of each architecture. */
export const SYSCALLS: Readonly<Record<Architecture, ReadonlyMap<string, number>>> = {
  x86_64: parse(X86_64),
  aarch64: parse(AARCH64),
};

/** Whether any architecture has it. */
export function isSystemCall(name: string): boolean {
  return ELSEWHERE.has(name) || Object.values(SYSCALLS).some((table) => table.has(name));
}`);
