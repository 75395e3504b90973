import type {
  DrrClass,
  Ets,
  EtsClass,
  Hfsc,
  HfscClass,
  Htb,
  HtbClass,
  ServiceCurve,
  Tbf,
} from '../../../route/qdiscs/index.ts';
import { matches, UsageError, type Words } from '../../args.ts';
import { parseRate32, parseSize, parseSizeAndCell, parseTime } from '../../show/tc/unit-words.ts';
import {
  any,
  decimal,
  next,
  parseDecimal,
  parseHex,
  parseLinkLayer,
  type Row,
  rate,
  readRows,
  says,
  short,
  size,
  time,
  word,
} from './rows.ts';

/** The words of shapers: man 8 tc-htb, tc-tbf, tc-hfsc, tc-drr, tc-ets. */

const HTB: readonly Row<Htb>[] = [
  short('r2q', decimal('r2q')),
  short(
    'default',
    any('default', (given) => parseHex(given)),
  ),
  short('debug', (words, htb) => {
    const digits = /^[0-3]{0,16}/.exec(words.next())?.[0] ?? '';
    htb.debug = [...digits].reduce((bits, digit, i) => (bits | (Number(digit) << (2 * i))) >>> 0, 0);
  }),
  short('direct_qlen', decimal('directQlen')),
  short('offload', says('offload', true)),
];
export const readHtb = (words: Words): Htb => readRows(words, HTB);

/** A burst with a slot of the table behind a slash. */
function burst<T>(field: keyof T & string, cell: keyof T & string, what: string): Row<T>['take'] {
  return (words, settings) => {
    const given = next(words, what, parseSizeAndCell);
    settings[field] = given.size as T[keyof T & string];
    if (given.cell !== undefined) settings[cell] = given.cell as T[keyof T & string];
  };
}

const upTo16Bits = (given: string) => parseDecimal(given, 0xffff);
const PLAIN = { zero: false };

/** A rate that may be said once only. */
function onceRate<T>(field: keyof T & string): Row<T>['take'] {
  const take = rate<T>(field, PLAIN);
  return (words, settings) => {
    if (settings[field] !== undefined) throw new UsageError(`Double "${field}" spec`);
    take(words, settings);
  };
}

const HTB_CLASS: readonly Row<HtbClass>[] = [
  short('prio', decimal('prio')),
  short('mtu', decimal('mtu')),
  short('mpu', any('mpu', upTo16Bits)),
  short('overhead', any('overhead', upTo16Bits)),
  short('linklayer', any('linklayer', parseLinkLayer)),
  short('quantum', decimal('quantum')),
  short('burst', burst('burst', 'cell', 'burst')),
  word(['buffer', 'maxburst'], burst('burst', 'cell', 'buffer')),
  short('cburst', burst('cburst', 'ccell', 'cburst')),
  word(['cbuffer', 'cmaxburst'], burst('cburst', 'ccell', 'cbuffer')),
  word('ceil', onceRate('ceil')),
  word('rate', onceRate('rate')),
];

export function readHtbClass(words: Words): HtbClass {
  const settings = readRows(words, HTB_CLASS);
  if (!settings.rate) throw new UsageError('"rate" is required.');
  return settings;
}

function once<T>(field: keyof T & string, what: string, take: Row<T>['take']): Row<T>['take'] {
  return (words, settings) => {
    if (settings[field]) throw new UsageError(`tbf: duplicate "${what}" specification`);
    take(words, settings);
  };
}

const TBF: readonly Row<Tbf>[] = [
  short('limit', once('limit', 'limit', size('limit', PLAIN))),
  short('latency', once('latency', 'latency', time('latency', PLAIN))),
  short('burst', once('burst', 'buffer/burst/maxburst', burst('burst', 'cell', 'burst'))),
  word(['buffer', 'maxburst'], once('burst', 'buffer/burst/maxburst', burst('burst', 'cell', 'buffer'))),
  word(['mtu', 'minburst'], once('mtu', 'mtu/minburst', burst('mtu', 'peakCell', 'mtu'))),
  word('mpu', once('mpu', 'mpu', size('mpu', PLAIN))),
  word('rate', once('rate', 'rate', rate('rate', PLAIN))),
  short('peakrate', once('peakrate', 'peakrate', rate('peakrate', PLAIN))),
  short('overhead', once('overhead', 'overhead', any('overhead', upTo16Bits, PLAIN))),
  short('linklayer', any('linklayer', parseLinkLayer)),
];

export function readTbf(words: Words): Tbf {
  const tbf = readRows(words, TBF);
  const missing: string[] = [];
  if (tbf.limit !== undefined && tbf.latency !== undefined)
    throw new UsageError('tbf: specifying both "latency" and "limit" is not allowed');
  if (!tbf.rate) missing.push('tbf: the "rate" parameter is mandatory.');
  if (!tbf.burst) missing.push('tbf: the "burst" parameter is mandatory.');
  if (tbf.peakrate && !tbf.mtu)
    missing.push('tbf: when "peakrate" is specified, "mtu" must also be specified.');
  if (!tbf.limit && !tbf.latency) missing.push('tbf: either "limit" or "latency" is required.');
  if (missing.length > 0) throw new UsageError(missing.join('\n'));
  return tbf;
}

export function readHfsc(words: Words): Hfsc {
  return readRows<Hfsc>(words, [
    short(
      'default',
      any('default', (given) => parseHex(given, 0xffff)),
    ),
  ]);
}

export function readHfscClass(words: Words): HfscClass {
  const settings: HfscClass = {};
  const rows: readonly Row<HfscClass>[] = [
    short('rt', (rest, hfsc) => {
      hfsc.rt = readCurve(rest, 'rt');
    }),
    short('ls', (rest, hfsc) => {
      hfsc.ls = readCurve(rest, 'ls');
    }),
    short('sc', (rest, hfsc) => {
      hfsc.rt = readCurve(rest, 'sc');
      hfsc.ls = hfsc.rt;
    }),
    short('ul', (rest, hfsc) => {
      hfsc.ul = readCurve(rest, 'ul');
    }),
  ];
  readRows(words, rows, settings);
  if (settings.rt === undefined && settings.ls === undefined && settings.ul === undefined)
    throw new UsageError('HFSC: no parameters given');
  if (settings.ul !== undefined && settings.ls === undefined)
    throw new UsageError('HFSC: Upper-limit Service Curve without Link-Share Service Curve');
  return settings;
}

/** `[ [ m1 RATE ] d TIME ] m2 RATE`, or `[ [ umax BYTES ] dmax TIME ] rate RATE`. */
function readCurve(words: Words, name: string): ServiceCurve {
  const take = <V>(full: string, parse: (word: string) => V | undefined): V | undefined =>
    words.peek !== undefined && matches(words.peek, full) && words.takeAbbreviated(full)
      ? next(words, full, parse)
      : undefined;
  const m1 = take('m1', parseRate32);
  const d = take('d', parseTime);
  const m2 = take('m2', parseRate32);
  const curve = m2 === undefined ? byDelay(take) : { m1: m1 ?? 0, d: d ?? 0, m2 };
  if (curve === undefined) throw new UsageError(`HFSC: Illegal "${name}"`);
  if (curve.m1 === 0 && curve.m2 === 0)
    throw new UsageError(`HFSC: Service Curve has two zero slopes\nHFSC: Illegal "${name}"`);
  return curve;
}

const US_PER_SECOND = 1_000_000;

function byDelay(take: <V>(full: string, parse: (word: string) => V | undefined) => V | undefined) {
  const umax = take('umax', parseSize) ?? 0;
  const dmax = take('dmax', parseTime) ?? 0;
  const m2 = take('rate', parseRate32);
  if (m2 === undefined || (umax !== 0 && dmax === 0)) return undefined;
  const slope = dmax === 0 ? 0 : Math.ceil((umax * US_PER_SECOND) / dmax);
  // Faster first, or nothing at all first: so that umax bytes are through after dmax.
  if (slope > m2) return { m1: slope, d: dmax, m2 };
  return { m1: 0, d: m2 === 0 ? 0 : Math.ceil(dmax - Math.floor((umax * US_PER_SECOND) / m2)), m2 };
}

export function readDrr(words: Words): undefined {
  readRows(words, []);
}

export function readDrrClass(words: Words): DrrClass {
  return readRows<DrrClass>(words, [word('quantum', size('quantum'))]);
}

const MAX_BANDS = 16;

export function readEts(words: Words): Ets {
  const ets: Ets = {};
  let list: 'quanta' | 'priomap' | undefined;
  while (words.more) {
    const given = words.next();
    if (given === 'bands' || given === 'strict') {
      if (ets[given]) throw new UsageError(`Duplicate "${given}"`);
      const count = next(words, given, (text) => parseDecimal(text));
      if (count > MAX_BANDS) throw new UsageError(`The number of "${given}" must be <= ${MAX_BANDS}`);
      ets[given] = count;
      list = undefined;
    } else if (given === 'quanta' || given === 'priomap') {
      if (ets[given] !== undefined) throw new UsageError(`Duplicate "${given}"`);
      list = given;
      ets[given] = [element(list, words.next())];
    } else if (list !== undefined) ets[list]?.push(element(list, given));
    else throw new UsageError(`What is "${given}"?`);
  }
  const { strict = 0, quanta = [], priomap = [] } = ets;
  const bands = ets.bands || strict + quanta.length;
  if (bands === 0) throw new UsageError('One of "bands", "quanta" or "strict" needs to be specified');
  if (strict + quanta.length > bands)
    throw new UsageError('Not enough total bands to cover all the strict bands and quanta');
  if (priomap.some((band) => band >= bands)) throw new UsageError('"priomap" element is out of bounds');
  return { ...ets, bands };
}

function element(list: 'quanta' | 'priomap', given: string): number {
  const number = parseDecimal(given);
  if (number === undefined) throw new UsageError(`Illegal "${list}" element`);
  if (list === 'quanta' && number === 0) throw new UsageError('"quanta" must be > 0');
  return number;
}

export function readEtsClass(words: Words): EtsClass {
  const settings = readRows<EtsClass>(words, [word('quantum', decimal('quantum'))]);
  if (settings.quantum === 0) throw new UsageError('"quanta" must be > 0');
  return settings;
}
