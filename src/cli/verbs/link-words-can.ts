import { UsageError, unsigned, wrongArgument } from '../args.ts';
import {
  type Data,
  type KindWords,
  number,
  type Option,
  onOffValue,
  option,
  says,
  U16,
} from './link-options.ts';

/** A number of one of the bit's times, in thousandths where it is a part of a bit. */
function part(word: string, phase: string, field: string): Option {
  return option(word, (words, data) => {
    const given = words.next();
    const timing = (data[phase] as Data | undefined) ?? {};
    timing[field] =
      field === 'samplePoint' ? thousandths(given, word) : unsigned(given, `invalid "${word}" value\n`);
    data[phase] = timing;
  });
}

function thousandths(given: string, word: string): number {
  const value = Number(given);
  if (given === '' || Number.isNaN(value)) throw wrongArgument(given, `invalid "${word}" value\n`);
  // `ip` reckons in single precision and cuts off.
  return Math.trunc(Math.fround(Math.fround(value) * 1000));
}

const PARTS: readonly (readonly [word: string, field: string])[] = [
  ['bitrate', 'bitrate'],
  ['sample-point', 'samplePoint'],
  ['tq', 'tq'],
  ['prop-seg', 'propSeg'],
  ['phase-seg1', 'phaseSeg1'],
  ['phase-seg2', 'phaseSeg2'],
  ['sjw', 'sjw'],
];

interface Modes {
  mask: string[];
  flags: string[];
}

function modesOf(data: Data): Modes {
  const modes = (data.ctrlmode as Modes | undefined) ?? { mask: [], flags: [] };
  data.ctrlmode = modes;
  return modes;
}

function mode(word: string, flag: string): Option {
  return option(word, (words, data) => {
    const modes = modesOf(data);
    if (onOffValue(word, words.next())) modes.flags.push(flag);
    modes.mask.push(flag);
  });
}

function delay(word: string): Option {
  return option(word, (words, data) => {
    data.tdc = {
      ...(data.tdc as Data | undefined),
      [word]: unsigned(words.next(), `invalid "${word}" value\n`),
    };
  });
}

/** `ip link set type can`. */
export const canWords: KindWords = {
  options: [
    ...PARTS.map(([word, field]) => part(word, 'bittiming', field)),
    ...PARTS.map(([word, field]) => part(`d${word}`, 'dataBittiming', field)),
    delay('tdcv'),
    delay('tdco'),
    delay('tdcf'),
    mode('loopback', 'LOOPBACK'),
    mode('listen-only', 'LISTEN-ONLY'),
    mode('triple-sampling', 'TRIPLE-SAMPLING'),
    mode('one-shot', 'ONE-SHOT'),
    mode('berr-reporting', 'BERR-REPORTING'),
    mode('fd', 'FD'),
    mode('fd-non-iso', 'FD-NON-ISO'),
    mode('presume-ack', 'PRESUME-ACK'),
    mode('cc-len8-dlc', 'CC-LEN8-DLC'),
    option('tdc-mode', (words, data) => {
      const word = words.next();
      const modes = modesOf(data);
      if (word === 'auto' || word === 'manual') {
        modes.flags.push(`TDC-${word.toUpperCase()}`);
        modes.mask.push(`TDC-${word.toUpperCase()}`);
      } else if (word === 'off') modes.mask.push('TDC-AUTO', 'TDC-MANUAL');
      else
        throw new UsageError(
          `Error: argument of "tdc-mode" must be "auto", "manual" or "off", not "${word}"`,
        );
    }),
    says('restart', { restart: 1 }),
    number('restart-ms'),
    number('termination', U16),
  ],
  finish(data) {
    // Times without a rate or a quantum are none.
    for (const phase of ['bittiming', 'dataBittiming']) {
      const { bitrate, tq } = (data[phase] as Data | undefined) ?? {};
      if (!bitrate && !tq) delete data[phase];
    }
  },
};
