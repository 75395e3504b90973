/** io.max, io.weight and io.bfq.weight: limits by device. */
import { readFileSync, type Stats, statSync } from 'node:fs';
import { InvalidArgumentError } from '../handle/index.ts';
import { type LimitTable, type LimitWrite, refuseUnknown } from './limit-table.ts';
import { type Count, quantity, type Size, whole } from './limit-values.ts';

/** io.max of one device; what is left out stays as it is. */
export interface IoMax {
  /** Bytes and operations a second, read and written. */
  readonly rbps?: Size;
  readonly wbps?: Size;
  readonly riops?: Count;
  readonly wiops?: Count;
}

/**
 * A device is '8:0', or a path: a block device, or any file, whose file system's device is meant. Of a partition the
 * whole disk is meant, which is what the kernel limits.
 */
export interface IoLimits {
  readonly max?: Readonly<Record<string, IoMax>>;
  /** io.weight: 1 to 10,000; 100 unless set. It counts on devices that io.cost.qos of the root is enabled for. */
  readonly weight?: number;
  /** io.weight of single devices; 'default' for that of the cgroup. */
  readonly weights?: DeviceWeights;
  /** io.bfq.weight: 1 to 1,000; 100 unless set. It counts on devices whose scheduler is bfq. */
  readonly bfqWeight?: number;
  /** io.bfq.weight of single devices. */
  readonly bfqWeights?: DeviceWeights;
}

type DeviceWeights = Readonly<Record<string, number | 'default'>>;

/** Two schedulers share disks out by weight, and neither heeds the other's. */
const WEIGHTS = [
  {
    key: 'weight',
    file: 'io.weight',
    codec: whole(1, 10_000),
    needs: 'it takes a kernel with BLK_CGROUP_IOCOST, and io.cost.qos of the root enabled for the device',
  },
  {
    key: 'bfqWeight',
    file: 'io.bfq.weight',
    codec: whole(1, 1000),
    needs: 'it takes the module bfq, as the scheduler of the device',
  },
] as const;
const KEYS = ['max', ...WEIGHTS.flatMap(({ key }) => [key, `${key}s`])];
const RATES = {
  rbps: quantity('size', 1n),
  wbps: quantity('size', 1n),
  riops: quantity('count', 1n),
  wiops: quantity('count', 1n),
};

export const ioLimits: LimitTable = {
  encode(value, controller) {
    refuseUnknown(value, KEYS, controller);
    const given = value as IoLimits;
    const { max = {} } = given;
    const writes: LimitWrite[] = [];
    for (const { key, file, codec, needs } of WEIGHTS) {
      const { [key]: weight, [`${key}s` as const]: weights = {} } = given;
      if (weight !== undefined) {
        const field = `io.${key}`;
        const text = `default ${codec.encode(weight, field)}`;
        writes.push({ controller, field, value: weight, file, text, needs });
      }
      for (const [device, one] of entries(weights, `io.${key}s`)) {
        const field = `io.${key}s['${device}']`;
        const text = `${deviceNumber(device, field)} ${one === 'default' ? one : codec.encode(one, field)}`;
        writes.push({ controller, field, value: one, file, text, needs });
      }
    }
    for (const [device, rates] of entries(max, 'io.max')) {
      const field = `io.max['${device}']`;
      refuseUnknown(rates, Object.keys(RATES), field);
      const wanted = rates as Record<string, unknown>;
      const words = Object.entries(RATES).flatMap(([key, codec]) =>
        wanted[key] === undefined ? [] : [`${key}=${codec.encode(wanted[key], `${field}.${key}`)}`],
      );
      if (words.length === 0) continue;
      const text = `${deviceNumber(device, field)} ${words.join(' ')}`;
      writes.push({ controller, field, value: rates, file: 'io.max', text });
    }
    return writes;
  },

  async read(read) {
    const found: Record<string, unknown> = {};
    for (const [device, words] of lines(await read('io.max'))) {
      const rates = words.map((text) => {
        const [key = '', value = ''] = text.split('=');
        return [key, RATES.rbps.decode(value)];
      });
      found.max = { ...(found.max as object), [device]: Object.fromEntries(rates) as IoMax };
    }
    for (const { key, file } of WEIGHTS) {
      for (const [device, [text = '']] of lines(await read(file))) {
        if (device === 'default') found[key] = Number(text);
        else found[`${key}s`] = { ...(found[`${key}s`] as object), [device]: Number(text) };
      }
    }
    return Object.keys(found).length === 0 ? undefined : found;
  },
};

function entries(value: unknown, field: string): [string, unknown][] {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  throw new InvalidArgumentError(
    field,
    value,
    'is no object',
    "one with a device for each key: { '8:0': ... }",
  );
}

/** First word and the others of each line. */
function lines(text = ''): [string, string[]][] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [first = '', ...words] = line.split(' ');
      return [first, words];
    });
}

/** Undefined for what there is not, and for what cannot be looked at. */
function lookAt(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

/** 'MAJ:MIN' of a whole disk. */
function deviceNumber(device: string, field: string): string {
  if (/^\d+:\d+$/.test(device)) return device;
  const remedy = "'MAJ:MIN' as in lsblk, the path of a block device, or of a file on it";
  const status = device.startsWith('/') ? lookAt(device) : undefined;
  if (status === undefined) throw new InvalidArgumentError(field, device, 'is no device', remedy);
  const number = status.isBlockDevice() ? status.rdev : status.dev;
  const name = `${major(number)}:${minor(number)}`;
  try {
    // A partition: its disk is the directory above.
    statSync(`/sys/dev/block/${name}/partition`);
    return readFileSync(`/sys/dev/block/${name}/../dev`, 'utf8').trim();
  } catch {
    if (major(number) !== 0) return name;
    throw new InvalidArgumentError(
      field,
      device,
      'is on no block device (a tmpfs, overlay or network file system)',
      remedy,
    );
  }
}

/** makedev(3): the halves are interleaved. */
function major(device: number): number {
  return Number((BigInt(device) >> 8n) & 0xfffn) | Number((BigInt(device) >> 32n) & 0xfffff000n);
}
function minor(device: number): number {
  return Number(BigInt(device) & 0xffn) | Number((BigInt(device) >> 12n) & 0xffffff00n);
}
