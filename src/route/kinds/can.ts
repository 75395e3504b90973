import { type AttributesOf, attribute, attributeTable, nest } from '../../netlink/wire/attributes.ts';
import {
  array,
  type Codec,
  enumeration,
  flagSet,
  string,
  u16,
  u32,
  ValueError,
} from '../../netlink/wire/codec.ts';
import { struct } from '../../netlink/wire/struct.ts';
import { WireError } from '../../netlink/wire/view.ts';
import { defineKind } from './kind.ts';

/** Times of a bit: `tq` in nanoseconds, `samplePoint` in thousandths, the rest in `tq`. */
const bittiming = struct('can_bittiming', {
  bitrate: u32,
  samplePoint: u32,
  tq: u32,
  propSeg: u32,
  phaseSeg1: u32,
  phaseSeg2: u32,
  sjw: u32,
  brp: u32,
});

const NAME_SIZE = 16;

/** char[16]. */
const controllerName: Codec<string> = {
  size: NAME_SIZE,
  decode(view, start, end) {
    if (end - start < NAME_SIZE) throw new WireError(`name of ${end - start} bytes`);
    return string.decode(view, start, start + NAME_SIZE);
  },
  encode(writer, value) {
    const bytes = Buffer.from(value);
    if (bytes.length > NAME_SIZE) throw new ValueError(value, `at most ${NAME_SIZE} bytes`);
    writer.raw(bytes);
    writer.reserve(NAME_SIZE - bytes.length);
  },
};

/** What the controller can do. */
const bittimingConst = struct('can_bittiming_const', {
  name: controllerName,
  tseg1Min: u32,
  tseg1Max: u32,
  tseg2Min: u32,
  tseg2Max: u32,
  sjwMax: u32,
  brpMin: u32,
  brpMax: u32,
  brpInc: u32,
});

/** CAN_CTRLMODE_*, uapi/linux/can/netlink.h, in the words of `ip`. */
const modes = flagSet(u32, {
  LOOPBACK: 0x1,
  'LISTEN-ONLY': 0x2,
  'TRIPLE-SAMPLING': 0x4,
  'ONE-SHOT': 0x8,
  'BERR-REPORTING': 0x10,
  FD: 0x20,
  'PRESUME-ACK': 0x40,
  'FD-NON-ISO': 0x80,
  'CC-LEN8-DLC': 0x100,
  'TDC-AUTO': 0x200,
  'TDC-MANUAL': 0x400,
});

/** IFLA_CAN_*, uapi/linux/can/netlink.h. */
const table = attributeTable('IFLA_CAN', {
  bittiming: attribute(1, 'IFLA_CAN_BITTIMING', bittiming),
  bittimingConst: attribute(2, 'IFLA_CAN_BITTIMING_CONST', bittimingConst),
  /** Hz. */
  clock: attribute(3, 'IFLA_CAN_CLOCK', u32),
  state: attribute(
    4,
    'IFLA_CAN_STATE',
    enumeration(u32, {
      0: 'ERROR-ACTIVE',
      1: 'ERROR-WARNING',
      2: 'ERROR-PASSIVE',
      3: 'BUS-OFF',
      4: 'STOPPED',
      5: 'SLEEPING',
    }),
  ),
  /** `flags` are on; of a change, `mask` says which are meant. */
  ctrlmode: attribute(5, 'IFLA_CAN_CTRLMODE', struct('can_ctrlmode', { mask: modes, flags: modes })),
  /** Milliseconds until a controller that went off the bus comes back; 0: never by itself. */
  restartMs: attribute(6, 'IFLA_CAN_RESTART_MS', u32),
  /** 1: come back now; a command, never told. */
  restart: attribute(7, 'IFLA_CAN_RESTART', u32),
  berrCounter: attribute(8, 'IFLA_CAN_BERR_COUNTER', struct('can_berr_counter', { tx: u16, rx: u16 })),
  dataBittiming: attribute(9, 'IFLA_CAN_DATA_BITTIMING', bittiming),
  dataBittimingConst: attribute(10, 'IFLA_CAN_DATA_BITTIMING_CONST', bittimingConst),
  /** Ohms. */
  termination: attribute(11, 'IFLA_CAN_TERMINATION', u16),
  terminationConst: attribute(12, 'IFLA_CAN_TERMINATION_CONST', array(u16)),
  bitrateConst: attribute(13, 'IFLA_CAN_BITRATE_CONST', array(u32)),
  dataBitrateConst: attribute(14, 'IFLA_CAN_DATA_BITRATE_CONST', array(u32)),
  bitrateMax: attribute(15, 'IFLA_CAN_BITRATE_MAX', u32),
  /** Transmitter delay compensation. */
  tdc: nest(
    16,
    'IFLA_CAN_TDC',
    attributeTable('IFLA_CAN_TDC', {
      tdcvMin: attribute(1, 'IFLA_CAN_TDC_TDCV_MIN', u32),
      tdcvMax: attribute(2, 'IFLA_CAN_TDC_TDCV_MAX', u32),
      tdcoMin: attribute(3, 'IFLA_CAN_TDC_TDCO_MIN', u32),
      tdcoMax: attribute(4, 'IFLA_CAN_TDC_TDCO_MAX', u32),
      tdcfMin: attribute(5, 'IFLA_CAN_TDC_TDCF_MIN', u32),
      tdcfMax: attribute(6, 'IFLA_CAN_TDC_TDCF_MAX', u32),
      tdcv: attribute(7, 'IFLA_CAN_TDC_TDCV', u32),
      tdco: attribute(8, 'IFLA_CAN_TDC_TDCO', u32),
      tdcf: attribute(9, 'IFLA_CAN_TDC_TDCF', u32),
    }),
  ),
  ctrlmodeExt: nest(
    17,
    'IFLA_CAN_CTRLMODE_EXT',
    attributeTable('IFLA_CAN_CTRLMODE', { supported: attribute(1, 'IFLA_CAN_CTRLMODE_SUPPORTED', modes) }),
  ),
});

/** Settings and state of a CAN controller (man 8 ip-link). Only hardware makes such a link: it can be changed. */
export type Can = AttributesOf<(typeof table)['specs']>;

export const can = defineKind<typeof table, Can>('can', table, {
  readings: [
    'bittimingConst',
    'clock',
    'state',
    'berrCounter',
    'dataBittimingConst',
    'terminationConst',
    'bitrateConst',
    'dataBitrateConst',
    'bitrateMax',
    'ctrlmodeExt',
  ],
  momentary: ['restart'],
});
