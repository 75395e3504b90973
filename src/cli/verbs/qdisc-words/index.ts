import type { ClassData, QdiscData } from '../../../route/qdiscs/index.ts';
import { UsageError, type Words } from '../../args.ts';
import { readCake } from './cake.ts';
import { readMqprio, readRed, readSfq } from './droppers.ts';
import { readNetem } from './netem.ts';
import { readCodel, readFifo, readFq, readFqCodel, readFqPie, readPie, readPrio } from './queues.ts';
import {
  readCbs,
  readChoke,
  readEtf,
  readHhf,
  readMultiq,
  readPlug,
  readQfq,
  readQfqClass,
  readSfb,
  readSkbprio,
} from './rarer.ts';
import {
  readDrr,
  readDrrClass,
  readEts,
  readEtsClass,
  readHfsc,
  readHfscClass,
  readHtb,
  readHtbClass,
  readTbf,
} from './shapers.ts';

type Read = (words: Words) => object | undefined;

/** By kind: the field of its settings, and who reads their words. */
const QDISCS: Readonly<Record<string, readonly [keyof QdiscData | 'drr' | 'qfq', Read]>> = {
  fq: ['fq', readFq],
  fq_codel: ['fqCodel', readFqCodel],
  cake: ['cake', readCake],
  htb: ['htb', readHtb],
  tbf: ['tbf', readTbf],
  netem: ['netem', readNetem],
  prio: ['prio', readPrio],
  pfifo: ['pfifo', readFifo],
  bfifo: ['bfifo', readFifo],
  pfifo_head_drop: ['pfifoHeadDrop', readFifo],
  sfq: ['sfq', readSfq],
  red: ['red', readRed],
  codel: ['codel', readCodel],
  pie: ['pie', readPie],
  fq_pie: ['fqPie', readFqPie],
  hfsc: ['hfsc', readHfsc],
  drr: ['drr', readDrr],
  ets: ['ets', readEts],
  mqprio: ['mqprio', readMqprio],
  cbs: ['cbs', readCbs],
  choke: ['choke', readChoke],
  etf: ['etf', readEtf],
  hhf: ['hhf', readHhf],
  multiq: ['multiq', readMultiq],
  plug: ['plug', readPlug],
  qfq: ['qfq', readQfq],
  sfb: ['sfb', readSfb],
  skbprio: ['skbprio', readSkbprio],
};

const CLASSES: Readonly<Record<string, readonly [keyof ClassData, Read]>> = {
  htb: ['htb', readHtbClass],
  hfsc: ['hfsc', readHfscClass],
  drr: ['drr', readDrrClass],
  ets: ['ets', readEtsClass],
  qfq: ['qfq', readQfqClass],
};

/** Kinds of `tc` without words of their own. */
const BARE = ['pfifo_fast', 'mq', 'noqueue', 'clsact', 'ingress'];

/** The settings that the rest of a line gives to a discipline of this kind. */
export function readQdiscSettings(kind: string, words: Words): QdiscData {
  const { [kind]: entry } = QDISCS;
  if (entry === undefined) {
    // A handle is passed over behind ingress.
    while (kind === 'ingress' && words.take('handle')) words.next();
    if (!words.more) return {};
    const given = words.next();
    throw new UsageError(
      BARE.includes(kind)
        ? `What is "${given}"?`
        : `Unknown qdisc "${kind}", hence option "${given}" is unparsable`,
    );
  }
  const [field, read] = entry;
  const settings = read(words);
  return settings === undefined ? {} : { [field]: settings };
}

/** The settings that the rest of a line gives to a class of this kind. */
export function readClassSettings(kind: string, words: Words): ClassData {
  const { [kind]: entry } = CLASSES;
  if (entry === undefined) throw new UsageError(`Error: Qdisc "${kind}" is classless.`);
  const [field, read] = entry;
  return { [field]: read(words) };
}
