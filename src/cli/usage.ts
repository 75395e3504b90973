import { type Program, programName } from './objects.ts';
import type { View } from './show/view.ts';

/** What `cofferdam --help` prints. */
export const USAGE = `Usage: cofferdam [ OPTIONS ] OBJECT [ show | add | delete | ... ] [ WORDS ]
       cofferdam [ OPTIONS ] { bridge | tc } [ OPTIONS ] OBJECT ...
       cofferdam [ OPTIONS ] [ bridge | tc ] [ -force ] -batch FILE
       cofferdam [ OPTIONS ] COMMAND

Objects, spoken as to ip(8), bridge(8) and tc(8), abbreviations included; cofferdam OBJECT help tells the words:
  link address route rule neighbour nexthop netns netconf addrlabel monitor, and cgroup of our own
  bridge link|fdb|mdb|vlan|monitor       tc qdisc|class|filter|chain|actions|monitor

Commands:
  run               a program in a disposable system: namespaces, a cgroup, a root whose changes vanish
  systems           the disposable systems of this host: list, show, kill, wait, top, reclaim; check FILE
  tour              builds a network, watches it, catches a leak, leaves nothing behind
  doctor            what this host lets cofferdam do; what it does not, and why
  explain           what netlink messages mean, from hex or from strace
  repl              a console with rt, handles and netns in scope; reads only, unless --allow-write
  version, help

Options:
  -j[son] -p[retty]           JSON, as ip prints it; with line breaks
  -br[ief] -d[etails] -s[tatistics] -o[neline] -h[uman] -iec -N[umeric]
  -4 -6 -0 -M -B, -f[amily] { inet | inet6 | link | mpls | bridge }
  -n[etns] NAME               look into a network namespace: a name, or a path
  -c[olor][={always|auto|never}]
  -b[atch] FILE -force        a command line from each line of a file; goes on after a line that failed
  -echo -l[oops] N            print what a change made; how often a flush goes over what is there
  -rc[vbuf] BYTES             receive buffer of the socket
  --timeout MILLISECONDS      deadline of each request
  --trace                     errors come with their stacks; so does COFFERDAM_DEBUG=1
  -V[ersion] --help

Exit codes: 0 fine, 1 a finding or a failure, 2 wrong words or the kernel refused, 77 a privilege is missing.
`;

/** What `cofferdam OBJECT help` prints. */
export function objectUsage(view: View, program: Program): string {
  const lines = view.usage.split('\n').filter((line) => line.trim() !== '');
  const object = `${programName(program)} ${view.names[0] ?? ''}`;
  return `${lines.map((line, index) => usageLine(line, index === 0, object)).join('\n')}\n`;
}

function usageLine(line: string, first: boolean, object: string): string {
  const words = line.trimStart();
  const before = first ? 'Usage: ' : '       ';
  if (words.startsWith('cofferdam ')) return `${before}${words}`;
  if (/^(Usage:|\s)/.test(line)) return line;
  // What a word of the lines above stands for.
  if (/^[A-Z][A-Z-]* :=/.test(line)) return `       ${line}`;
  return `${before}${object} [ show ] ${line}`;
}
