import type { Cake } from '../../../route/qdiscs/index.ts';
import { duplicateArgument, parseUnsigned, UsageError, type Words } from '../../args.ts';
import { parseRate, parseSize, parseTime } from '../../show/tc/unit-words.ts';
import { next, parseSigned } from './rows.ts';

/** The words of man 8 tc-cake. */

/** Target and round-trip time in microseconds. */
const PRESETS: Readonly<Record<string, readonly [number, number]>> = {
  datacentre: [5, 100],
  lan: [50, 1000],
  metro: [500, 10_000],
  regional: [1500, 30_000],
  internet: [5000, 100_000],
  oceanic: [15_000, 300_000],
  satellite: [50_000, 1_000_000],
  interplanetary: [50_000_000, 1_000_000_000],
};

/** Words that set something by themselves. */
const SWITCHES: Readonly<Record<string, Cake>> = {
  'autorate-ingress': { autorate: true },
  besteffort: { diffserv: 'besteffort' },
  precedence: { diffserv: 'precedence' },
  diffserv8: { diffserv: 'diffserv8' },
  diffserv4: { diffserv: 'diffserv4' },
  diffserv: { diffserv: 'diffserv4' },
  diffserv3: { diffserv: 'diffserv3' },
  wash: { wash: true },
  nowash: { wash: false },
  'split-gso': { splitGso: true },
  'no-split-gso': { splitGso: false },
  flowblind: { flowmode: 'flowblind' },
  srchost: { flowmode: 'srchost' },
  dsthost: { flowmode: 'dsthost' },
  hosts: { flowmode: 'hosts' },
  flows: { flowmode: 'flows' },
  'dual-srchost': { flowmode: 'dual-srchost' },
  'dual-dsthost': { flowmode: 'dual-dsthost' },
  'triple-isolate': { flowmode: 'triple-isolate' },
  nat: { nat: true },
  nonat: { nat: false },
  ptm: { atm: 'ptm' },
  atm: { atm: 'atm' },
  noatm: { atm: 'noatm' },
  raw: { atm: 'noatm', overhead: 0, rawOverhead: true },
  conservative: { atm: 'atm', overhead: 48 },
  ingress: { ingress: true },
  egress: { ingress: false },
  'no-ack-filter': { ackFilter: 'disabled' },
  'ack-filter': { ackFilter: 'enabled' },
  'ack-filter-aggressive': { ackFilter: 'aggressive' },
  // Since cake sees for itself where the header of a link counts.
  'via-ethernet': {},
};

/** How a link frames packets: bytes to add, and what else. */
const FRAMINGS: Readonly<Record<string, Cake & { overhead: number }>> = {
  'ipoa-vcmux': { atm: 'atm', overhead: 8 },
  'ipoa-llcsnap': { atm: 'atm', overhead: 16 },
  'bridged-vcmux': { atm: 'atm', overhead: 24 },
  'bridged-llcsnap': { atm: 'atm', overhead: 32 },
  'pppoa-vcmux': { atm: 'atm', overhead: 10 },
  'pppoa-llc': { atm: 'atm', overhead: 14 },
  'pppoe-vcmux': { atm: 'atm', overhead: 32 },
  'pppoe-llcsnap': { atm: 'atm', overhead: 40 },
  'pppoe-ptm': { atm: 'ptm', overhead: 30 },
  'bridged-ptm': { atm: 'ptm', overhead: 22 },
  ethernet: { overhead: 38, mpu: 84 },
  'ether-vlan': { overhead: 4 },
  docsis: { atm: 'noatm', overhead: 18, mpu: 64 },
};

export function readCake(words: Words): Cake {
  const cake: Cake = {};
  let preset: string | undefined;
  while (words.more) {
    const given = words.next();
    const { [given]: times } = PRESETS;
    const { [given]: framing } = FRAMINGS;
    if (times !== undefined) {
      if (preset !== undefined) throw duplicateArgument(given, preset);
      preset = given;
      [cake.target, cake.rtt] = times;
    } else if (framing !== undefined)
      Object.assign(cake, framing, { overhead: (cake.overhead ?? 0) + framing.overhead });
    else if (Object.hasOwn(SWITCHES, given)) Object.assign(cake, SWITCHES[given]);
    else takeValue(words, given, cake);
  }
  for (const field of ['mpu', 'rtt', 'target', 'memlimit', 'fwmark'] as const)
    if (cake[field] === 0) delete cake[field];
  return cake;
}

function takeValue(words: Words, given: string, cake: Cake): void {
  if (given === 'bandwidth') {
    cake.bandwidth = next(words, given, parseRate);
    cake.autorate = false;
    // A bandwidth of 0 is not sent, `unlimited` is.
    if (cake.bandwidth === 0) delete cake.bandwidth;
  } else if (given === 'unlimited') {
    cake.bandwidth = 0;
    cake.autorate = false;
  } else if (given === 'rtt') {
    cake.rtt = next(words, given, parseTime);
    cake.target = Math.floor(cake.rtt / 20) || 1;
  } else if (given === 'overhead') cake.overhead = next(words, given, between(-64, 256));
  else if (given === 'mpu') cake.mpu = next(words, given, between(0, 256));
  else if (given === 'memlimit') cake.memlimit = next(words, given, parseSize);
  else if (given === 'fwmark') cake.fwmark = next(words, given, (text) => parseUnsigned(text));
  else throw new UsageError(`What is "${given}"?`);
}

function between(min: number, max: number): (given: string) => number | undefined {
  return (given) => {
    const value = parseSigned(given);
    return value !== undefined && value >= min && value <= max ? value : undefined;
  };
}
