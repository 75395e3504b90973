import type { Can } from '../../route/link.ts';
import { lineBreak } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import { Sheet } from './route-sheet.ts';
import type { JsonObject } from './view.ts';

/** A new line, and where `ip` goes on in it. */
function indent(desk: LinkDesk): string {
  return `${lineBreak(desk.options)}\t `;
}

const STATES = ['ERROR-ACTIVE', 'ERROR-WARNING', 'ERROR-PASSIVE', 'BUS-OFF', 'STOPPED', 'SLEEPING'];

/** In the order in which `ip` tells them. */
const MODES = [
  'LOOPBACK',
  'LISTEN-ONLY',
  'TRIPLE-SAMPLING',
  'ONE-SHOT',
  'BERR-REPORTING',
  'FD',
  'FD-NON-ISO',
  'PRESUME-ACK',
  'CC-LEN8-DLC',
  'TDC-AUTO',
  'TDC-MANUAL',
];

function inOrder(names: readonly string[]): string[] {
  const rest = names.filter((name) => name.startsWith('0x')).map((name) => name.slice(2));
  return [...MODES.filter((name) => names.includes(name)), ...rest];
}

export function putCan(sheet: Sheet, c: Can, desk: LinkDesk): void {
  putModes(sheet, c);
  if (c.state !== undefined) {
    const state = STATES.includes(c.state) ? c.state : 'UNKNOWN';
    sheet.put('state', state, `state ${state} `);
  }
  if (c.berrCounter !== undefined) {
    const { tx = 0, rx = 0 } = c.berrCounter;
    sheet.put('berr_counter', { tx, rx }, `(berr-counter tx ${tx} rx ${rx}) `);
  }
  if (c.restartMs !== undefined) sheet.put('restart_ms', c.restartMs, `restart-ms ${c.restartMs} `);
  // With a fixed choice of bit rates their times do not matter.
  if (c.bitrateConst === undefined) {
    if (c.bittiming !== undefined) sheet.put('bittiming', ...timing(c.bittiming, '', desk));
    if (c.bittimingConst !== undefined) sheet.put('bittiming_const', ...limits(c.bittimingConst, '', desk));
  } else putRates(sheet, '', c.bittiming?.bitrate, c.bitrateConst, desk);
  if (c.dataBitrateConst === undefined) putDataTiming(sheet, c, desk);
  else putRates(sheet, 'data', c.dataBittiming?.bitrate, c.dataBitrateConst, desk);
  if (c.terminationConst !== undefined && c.termination !== undefined) {
    sheet.put('termination', c.termination, `${indent(desk)} termination ${c.termination} [ `);
    sheet.put('termination_const', [...c.terminationConst], `${c.terminationConst.join(', ')} ]`);
  }
  if (c.clock !== undefined) sheet.put('clock', c.clock, `${indent(desk)} clock ${c.clock} `);
}

function putModes(sheet: Sheet, { ctrlmode, ctrlmodeExt }: Can): void {
  if (ctrlmode === undefined) return;
  const flags = ctrlmode.flags ?? [];
  if (flags.length > 0) sheet.put('ctrlmode', inOrder(flags), `<${inOrder(flags).join(',')}> `);
  const supported = ctrlmodeExt?.supported;
  if (supported === undefined) return;
  const fixed = flags.filter((name) => !supported.includes(name));
  if (supported.length > 0) sheet.put('ctrlmode_supported', inOrder(supported));
  if (fixed.length > 0) sheet.put('ctrlmode_static', inOrder(fixed));
}

type Timing = NonNullable<Can['bittiming']>;

/** `d` before each word of the data phase's. */
function timing(t: Partial<Timing>, d: string, desk: LinkDesk): [JsonObject, string] {
  const {
    bitrate = 0,
    samplePoint = 0,
    tq = 0,
    propSeg = 0,
    phaseSeg1 = 0,
    phaseSeg2 = 0,
    sjw = 0,
    brp = 0,
  } = t;
  const point = (samplePoint / 1000).toFixed(3).slice(0, 5);
  return [
    {
      bitrate,
      sample_point: point,
      tq,
      prop_seg: propSeg,
      phase_seg1: phaseSeg1,
      phase_seg2: phaseSeg2,
      sjw,
      brp,
    },
    `${indent(desk)} ${d}bitrate ${bitrate} ${d}sample-point ${point}` +
      `${indent(desk)} ${d}tq ${tq} ${d}prop-seg ${propSeg} ${d}phase-seg1 ${phaseSeg1} ${d}phase-seg2 ${phaseSeg2}` +
      ` ${d}sjw ${sjw} ${d}brp ${brp}`,
  ];
}

/** `ip` prints limits with a sign in its text, and without one in its JSON. */
function range(word: string, min = 0, max = 0): [JsonObject, string] {
  return [{ min, max }, ` ${word} ${min | 0}..${max | 0}`];
}

type Limits = NonNullable<Can['bittimingConst']>;

function limits(l: Partial<Limits>, d: string, desk: LinkDesk): [JsonObject, string] {
  const { name = '', brpInc = 0 } = l;
  const ranges = {
    tseg1: range(`${d}tseg1`, l.tseg1Min, l.tseg1Max),
    tseg2: range(`${d}tseg2`, l.tseg2Min, l.tseg2Max),
    sjw: range(`${d}sjw`, 1, l.sjwMax),
    brp: range(`${d}brp`, l.brpMin, l.brpMax),
  };
  const text = Object.values(ranges).map(([, part]) => part);
  const json = Object.fromEntries(Object.entries(ranges).map(([key, [value]]) => [key, value]));
  return [
    { name, ...json, brp_inc: brpInc },
    `${indent(desk)} ${name}:${text.join('')} ${d}brp_inc ${brpInc}`,
  ];
}

function putDataTiming(sheet: Sheet, { dataBittiming, dataBittimingConst, tdc }: Can, desk: LinkDesk): void {
  if (dataBittiming !== undefined) {
    const [json, text] = timing(dataBittiming, 'd', desk);
    const delay = new Sheet();
    for (const key of ['tdcv', 'tdco', 'tdcf'] as const) {
      const value = tdc?.[key];
      if (value !== undefined) delay.put(key, value, ` ${key} ${value}`);
    }
    const told = delay.text !== '';
    sheet.put(
      'data_bittiming',
      { ...json, ...(told && { tdc: delay.json }) },
      text + (told ? indent(desk) + delay.text : ''),
    );
  }
  if (dataBittimingConst === undefined) return;
  const [json, text] = limits(dataBittimingConst, 'd', desk);
  const delay = new Sheet();
  for (const [key, min, max] of [
    ['tdcv', tdc?.tdcvMin, tdc?.tdcvMax],
    ['tdco', tdc?.tdcoMin, tdc?.tdcoMax],
    ['tdcf', tdc?.tdcfMin, tdc?.tdcfMax],
  ] as const)
    if (min !== undefined && max !== undefined) delay.put(key, ...range(key, min, max));
  sheet.put(
    'data_bittiming_const',
    { ...json, ...(tdc !== undefined && { tdc: delay.json }) },
    text + (tdc === undefined ? '' : indent(desk) + delay.text),
  );
}

/** The bit rates that there are to choose from, six to a line. */
function putRates(
  sheet: Sheet,
  phase: '' | 'data',
  bitrate: number | undefined,
  rates: readonly number[],
  desk: LinkDesk,
): void {
  const [prefix, d] = phase === '' ? ['', ''] : ['data_', 'd'];
  const current = bitrate ?? 0;
  sheet.put(`${prefix}bittiming_bitrate`, current, `${indent(desk)} ${d}bitrate ${current}`);
  const text = rates.map((rate, i) => {
    const start = i % 6 === 0 && i > 0 ? `${indent(desk)}     ` : '';
    return `${start}${String(rate).padStart(8)}${i < rates.length - 1 ? ', ' : ''}`;
  });
  sheet.put(`${prefix}bitrate_const`, [...rates], `${indent(desk)}    [${text.join('')} ]`);
}

const COUNTERS: readonly (readonly [key: string, word: number])[] = [
  ['restarts', 5],
  ['bus_error', 0],
  ['arbitration_lost', 4],
  ['error_warning', 1],
  ['error_passive', 2],
  ['bus_off', 3],
];
const COUNTERS_SIZE = 24;

/** struct can_device_stats: what a controller counts besides. */
export function putCanCounters(sheet: Sheet, xstats: string, desk: LinkDesk): void {
  const bytes = Buffer.from(xstats, 'hex');
  const inner = new Sheet();
  if (bytes.length === COUNTERS_SIZE) {
    inner.say(
      `${indent(desk)} re-started bus-errors arbit-lost error-warn error-pass bus-off${indent(desk)}`,
    );
    const counters = new Uint32Array(Uint8Array.from(bytes).buffer);
    for (const [key, word] of COUNTERS) {
      const value = counters[word] ?? 0;
      inner.put(key, value, ` ${String(value).padEnd(10)}`);
    }
  }
  sheet.put('info_xstats', inner.json, inner.text);
}
