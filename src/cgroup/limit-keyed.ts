/** hugetlb, rdma and misc: limits by page size, device and resource. */
import { readdirSync } from 'node:fs';
import { InvalidArgumentError } from '../handle/index.ts';
import { type LimitTable, type LimitWrite, refuseNonObject, refuseUnknown } from './limit-table.ts';
import { type Count, quantity, type Size } from './limit-values.ts';

/** hugetlb.SIZE.max and hugetlb.SIZE.rsvd.max, by the size of the pages: '2MB', '1GB'. */
export type HugetlbLimits = Readonly<Record<string, { readonly max?: Size; readonly rsvdMax?: Size }>>;
/** rdma.max, by device: 'mlx5_0'. */
export type RdmaLimits = Readonly<Record<string, { readonly hcaHandle?: Count; readonly hcaObject?: Count }>>;
/** misc.max, by resource: 'sev'. Linux 5.13. */
export type MiscLimits = Readonly<Record<string, Count>>;

const SIZE = quantity('size');
const COUNT = quantity('count');

const HUGETLB = { max: 'max', rsvdMax: 'rsvd.max' } as const;
const RDMA = { hcaHandle: 'hca_handle', hcaObject: 'hca_object' } as const;

function checkKey(key: string, form: RegExp, field: string, remedy: string): void {
  if (!form.test(key)) throw new InvalidArgumentError(field, key, 'is no such name', remedy);
}

/** The kernel's names for the sizes of huge pages: '2MB'. */
export function hugePageSizes(): string[] {
  let names: string[] = [];
  try {
    names = readdirSync('/sys/kernel/mm/hugepages');
  } catch {
    // No huge pages in this kernel, or no sysfs.
  }
  return names.flatMap((name) => {
    const kilobytes = Number(/^hugepages-(\d+)kB$/.exec(name)?.[1] ?? 0);
    if (kilobytes === 0) return [];
    if (kilobytes >= 1 << 20) return [`${kilobytes >> 20}GB`];
    return [kilobytes >= 1 << 10 ? `${kilobytes >> 10}MB` : `${kilobytes}KB`];
  });
}

export const hugetlbLimits: LimitTable = {
  encode(value, controller) {
    refuseNonObject(value, controller, "one with a size for each key: { '2MB': ... }");
    return Object.entries(value).flatMap(([size, limits]: [string, unknown]) => {
      checkKey(
        size,
        /^\d+[KMG]B$/,
        controller,
        `a size of huge pages: ${hugePageSizes().join(', ') || '2MB'}`,
      );
      refuseUnknown(limits, Object.keys(HUGETLB), `hugetlb.${size}`);
      return Object.entries(HUGETLB).flatMap(([key, suffix]): LimitWrite[] => {
        const one = (limits as Record<string, unknown>)[key];
        if (one === undefined) return [];
        const field = `hugetlb.${size}.${key}`;
        return [
          { controller, field, value: one, file: `hugetlb.${size}.${suffix}`, text: SIZE.encode(one, field) },
        ];
      });
    });
  },

  async read(read) {
    const found: Record<string, Record<string, bigint | 'max'>> = {};
    for (const size of hugePageSizes()) {
      for (const [key, suffix] of Object.entries(HUGETLB)) {
        const text = await read(`hugetlb.${size}.${suffix}`);
        if (text !== undefined) found[size] = { ...found[size], [key]: SIZE.decode(text) };
      }
    }
    return Object.keys(found).length === 0 ? undefined : found;
  },
};

export const rdmaLimits: LimitTable = {
  encode(value, controller) {
    refuseNonObject(value, controller, 'one with a device for each key: { mlx5_0: ... }');
    return Object.entries(value).flatMap(([device, limits]: [string, unknown]) => {
      checkKey(device, /^\S+$/, controller, 'the name of an RDMA device, as in /sys/class/infiniband');
      const field = `rdma.${device}`;
      refuseUnknown(limits, Object.keys(RDMA), field);
      const given = limits as Record<string, unknown>;
      const words = Object.entries(RDMA).flatMap(([key, word]) =>
        given[key] === undefined ? [] : [`${word}=${COUNT.encode(given[key], `${field}.${key}`)}`],
      );
      if (words.length === 0) return [];
      return [{ controller, field, value: limits, file: 'rdma.max', text: `${device} ${words.join(' ')}` }];
    });
  },

  async read(read) {
    const text = await read('rdma.max');
    if (text === undefined) return undefined;
    const found: Record<string, Record<string, bigint | 'max'>> = {};
    for (const line of text.split('\n').filter(Boolean)) {
      const [device = '', ...words] = line.split(' ');
      for (const [key, word] of Object.entries(RDMA)) {
        const one = words.find((text) => text.startsWith(`${word}=`));
        if (one !== undefined)
          found[device] = { ...found[device], [key]: COUNT.decode(one.slice(word.length + 1)) };
      }
    }
    return found;
  },
};

export const miscLimits: LimitTable = {
  encode(value, controller) {
    refuseNonObject(value, controller, 'one with a resource for each key: { sev: ... }');
    return Object.entries(value).flatMap(([resource, limit]: [string, unknown]): LimitWrite[] => {
      checkKey(resource, /^\S+$/, controller, 'the name of a resource, as in misc.capacity');
      if (limit === undefined) return [];
      const field = `misc.${resource}`;
      const text = `${resource} ${COUNT.encode(limit, field)}`;
      return [{ controller, field, value: limit, file: 'misc.max', text, since: '5.13' }];
    });
  },

  async read(read) {
    const text = await read('misc.max');
    if (text === undefined) return undefined;
    const pairs = text
      .split('\n')
      .filter(Boolean)
      .map((line) => {
        const [resource = '', limit = 'max'] = line.split(' ');
        return [resource, COUNT.decode(limit)];
      });
    return Object.fromEntries(pairs) as Record<string, bigint | 'max'>;
  },
};
