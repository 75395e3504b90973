import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Numbers of routing tables, protocols, scopes, realms, link groups and DS fields to the names that /etc/iproute2
 * gives them, and back, as iproute2 6.1 does it. Its oddities are kept, because they show in `ip`'s output: a list
 * of up to 256 entries starts with built-in names, and its file is read only when a number without a name turns
 * up (so realm 0 is "unknown" until some realm made it read the file, and "cosmos" after).
 */

export const CONFIG_DIRECTORY = '/etc/iproute2';

/** One line of such a file: `id name`, the id decimal or 0x hexadecimal, and whatever follows the name ignored. */
function parseLine(line: string): { id: number; name: string } | 'empty' | 'corrupt' {
  const text = line.replace(/^[ \t]+/, '');
  if (text === '' || text.startsWith('#')) return 'empty';
  const hex = /^0x([0-9a-fA-F]+)(?![0-9a-fA-F])\s*(\S+)/.exec(text);
  if (hex?.[1] !== undefined && hex[2] !== undefined)
    return { id: Number.parseInt(hex[1], 16) | 0, name: hex[2] };
  const decimal = /^([+-]?\d+)(?!\d)\s*(\S+)/.exec(text);
  if (decimal?.[1] !== undefined && decimal[2] !== undefined)
    return { id: Number(decimal[1]), name: decimal[2] };
  return 'corrupt';
}

/** Entries in file order. A line that makes no sense ends the reading, with a word on stderr. */
function readFile(path: string, warn: (message: string) => void): { id: number; name: string }[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return [];
  }
  const entries: { id: number; name: string }[] = [];
  for (const line of text.split('\n')) {
    const entry = parseLine(line);
    if (entry === 'empty') continue;
    if (entry === 'corrupt') {
      warn(`Database ${path} is corrupted at ${line.trimStart()}`);
      break;
    }
    if (entry.id >= 0) entries.push(entry);
  }
  return entries;
}

/** The `*.conf` files beside a list, in the order that the directory gives them. */
function dropIns(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => !name.startsWith('.') && name.length > 5 && name.endsWith('.conf'))
      .map((name) => join(directory, name));
  } catch {
    return [];
  }
}

/** strtoul(3), base 0 or 16, the whole word. */
function parseNumber(word: string, base: 0 | 16): number | undefined {
  const text = word.replace(/^[ \t]*\+?/, '');
  if (base === 16) return /^(0x)?[0-9a-f]+$/i.test(text) ? Number.parseInt(text, 16) : undefined;
  if (/^0x[0-9a-f]+$/i.test(text)) return Number.parseInt(text, 16);
  if (/^0[0-7]*$/.test(text)) return Number.parseInt(text, 8);
  return /^[1-9]\d*$/.test(text) ? Number(text) : undefined;
}

/** A list of at most `size` numbers, each with one name. */
class SmallTable {
  readonly #names: (string | undefined)[];
  readonly #size: number;
  readonly #files: () => string[];
  readonly #warn: (message: string) => void;
  #loaded = false;

  constructor(
    builtIn: Record<number, string>,
    size: number,
    files: () => string[],
    warn: (message: string) => void,
  ) {
    this.#names = Array.from({ length: size }, (_, id) => builtIn[id]);
    this.#size = size;
    this.#files = files;
    this.#warn = warn;
  }

  #load(): void {
    if (this.#loaded) return;
    this.#loaded = true;
    for (const path of this.#files()) {
      for (const { id, name } of readFile(path, this.#warn)) if (id < this.#size) this.#names[id] = name;
    }
  }

  nameOf(id: number): string | undefined {
    if (id < 0 || id >= this.#size) return undefined;
    if (this.#names[id] === undefined) this.#load();
    return this.#names[id];
  }

  idOf(word: string, base: 0 | 16 = 0): number | undefined {
    this.#load();
    const found = this.#names.indexOf(word);
    if (found >= 0) return found;
    const number = parseNumber(word, base);
    return number !== undefined && number < this.#size ? number : undefined;
  }
}

/** A list of 32-bit numbers; of two names for one number the later wins. */
class WideTable {
  readonly #entries: { id: number; name: string }[];
  readonly #files: () => string[];
  readonly #warn: (message: string) => void;
  readonly #max: number;
  #byId: Map<number, string> | undefined;

  constructor(
    builtIn: { id: number; name: string }[],
    max: number,
    files: () => string[],
    warn: (message: string) => void,
  ) {
    this.#entries = [...builtIn];
    this.#max = max;
    this.#files = files;
    this.#warn = warn;
  }

  #load(): Map<number, string> {
    if (this.#byId === undefined) {
      for (const path of this.#files()) this.#entries.push(...readFile(path, this.#warn));
      this.#byId = new Map(this.#entries.map(({ id, name }) => [id, name]));
    }
    return this.#byId;
  }

  nameOf(id: number): string | undefined {
    return this.#load().get(id);
  }

  idOf(word: string): number | undefined {
    this.#load();
    // One name with several numbers: iproute2 walks its 256 buckets in order, and in each the latest entry first.
    let best: number | undefined;
    for (const { id, name } of this.#entries) {
      if (name === word && (best === undefined || (id & 255) <= (best & 255))) best = id;
    }
    if (best !== undefined) return best;
    const number = parseNumber(word, 0);
    return number !== undefined && number <= this.#max ? number : undefined;
  }
}

/** rtnetlink(7), linux/rtnetlink.h: RTPROT_*. */
const PROTOCOLS: Record<number, string> = {
  0: 'unspec',
  1: 'redirect',
  2: 'kernel',
  3: 'boot',
  4: 'static',
  8: 'gated',
  9: 'ra',
  10: 'mrt',
  11: 'zebra',
  12: 'bird',
  13: 'dnrouted',
  14: 'xorp',
  15: 'ntk',
  16: 'dhcp',
  18: 'keepalived',
  42: 'babel',
  186: 'bgp',
  187: 'isis',
  188: 'ospf',
  189: 'rip',
  192: 'eigrp',
};

/** linux/rtnetlink.h: RT_SCOPE_*. */
const SCOPES: Record<number, string> = { 0: 'global', 200: 'site', 253: 'link', 254: 'host', 255: 'nowhere' };

/** linux/rtnetlink.h: RT_TABLE_*. */
const TABLES = [
  { id: 253, name: 'default' },
  { id: 254, name: 'main' },
  { id: 255, name: 'local' },
];

export interface NamesOptions {
  /** -N: names print as numbers. Reading names still works. */
  readonly numeric?: boolean;
  /** Where the files are; {@link CONFIG_DIRECTORY} unless a test says otherwise. */
  readonly directory?: string;
  /** Where the word about a corrupt file goes; stderr unless given. */
  readonly warn?: (message: string) => void;
}

/** `xName(id)` never fails: the number stands in where there is no name. `xId(word)` is undefined for a bad word. */
export class Names {
  readonly #numeric: boolean;
  readonly #protocols: SmallTable;
  readonly #scopes: SmallTable;
  readonly #realms: SmallTable;
  readonly #dsfields: SmallTable;
  readonly #protodownReasons: SmallTable;
  readonly #tables: WideTable;
  readonly #groups: WideTable;

  constructor(options: NamesOptions = {}) {
    const directory = options.directory ?? CONFIG_DIRECTORY;
    const warn = options.warn ?? ((message: string) => void process.stderr.write(`${message}\n`));
    const at = (name: string) => join(directory, name);
    const file = (name: string) => () => [at(name)];
    const withDropIns = (name: string) => () => [at(name), ...dropIns(at(`${name}.d`))];
    this.#numeric = options.numeric ?? false;
    this.#protocols = new SmallTable(PROTOCOLS, 256, withDropIns('rt_protos'), warn);
    this.#scopes = new SmallTable(SCOPES, 256, file('rt_scopes'), warn);
    this.#realms = new SmallTable({ 0: 'unknown' }, 256, file('rt_realms'), warn);
    this.#dsfields = new SmallTable({ 0: '0' }, 256, file('rt_dsfield'), warn);
    this.#protodownReasons = new SmallTable({}, 32, () => dropIns(at('protodown_reasons.d')), warn);
    this.#tables = new WideTable(TABLES, 0xffff_ffff, withDropIns('rt_tables'), warn);
    this.#groups = new WideTable([{ id: 0, name: 'default' }], 0x7fff_ffff, file('group'), warn);
  }

  #show(id: number, table: SmallTable | WideTable): string {
    return (this.#numeric ? undefined : table.nameOf(id)) ?? String(id);
  }

  protocolName(id: number): string {
    return this.#show(id, this.#protocols);
  }
  protocolId(word: string): number | undefined {
    return this.#protocols.idOf(word);
  }

  scopeName(id: number): string {
    return this.#show(id, this.#scopes);
  }
  scopeId(word: string): number | undefined {
    return this.#scopes.idOf(word);
  }

  realmName(id: number): string {
    return this.#show(id, this.#realms);
  }
  realmId(word: string): number | undefined {
    return this.#realms.idOf(word);
  }

  tableName(id: number): string {
    return this.#show(id, this.#tables);
  }
  tableId(word: string): number | undefined {
    return this.#tables.idOf(word);
  }

  groupName(id: number): string {
    return this.#show(id, this.#groups);
  }
  groupId(word: string): number | undefined {
    return this.#groups.idOf(word);
  }

  /** TOS and DSCP: `0x10` rather than `16` where there is no name. */
  dsfieldName(id: number): string {
    if (id < 0 || id >= 256) return String(id);
    return (this.#numeric ? undefined : this.#dsfields.nameOf(id)) ?? `0x${id.toString(16).padStart(2, '0')}`;
  }
  /** A number without a name is read as hexadecimal, 0x or not. */
  dsfieldId(word: string): number | undefined {
    return this.#dsfields.idOf(word, 16);
  }

  protodownReasonName(bit: number): string {
    return this.#show(bit, this.#protodownReasons);
  }
  protodownReasonId(word: string): number | undefined {
    return this.#protodownReasons.idOf(word);
  }
}
