import type { Link, LinkStats } from '../../route/link.ts';
import { counter, lineBreak } from '../text.ts';
import type { LinkDesk } from './link-desk.ts';
import type { Sheet } from './route-sheet.ts';
import type { JsonObject } from './view.ts';

type Counters = Readonly<Record<Exclude<keyof LinkStats, 'tail'>, bigint>>;
type Cell = bigint | undefined;

const NOTHING = { rxNohandler: 0n, rxOtherhostDropped: 0n };

/** -s: the counters, as `stats64`; -s -s: the kinds of errors too. Says nothing where the kernel told none. */
export function putStats(sheet: Sheet, link: Link, desk: LinkDesk): void {
  const { stats64 } = link;
  if (stats64 === undefined) return;
  // Counters that an older kernel does not have read as 0, as they do in `ip`.
  const counters: Counters = { ...NOTHING, ...stats64 };
  const errors = desk.options.stats > 1;
  sheet.put('stats64', json(counters, link, errors), table(counters, link, errors, desk));
}

function json(s: Counters, link: Link, errors: boolean): JsonObject {
  return {
    rx: {
      bytes: s.rxBytes,
      packets: s.rxPackets,
      errors: s.rxErrors,
      dropped: s.rxDropped,
      over_errors: s.rxOverErrors,
      multicast: s.multicast,
      ...(s.rxCompressed !== 0n && { compressed: s.rxCompressed }),
      ...(errors && {
        length_errors: s.rxLengthErrors,
        crc_errors: s.rxCrcErrors,
        frame_errors: s.rxFrameErrors,
        fifo_errors: s.rxFifoErrors,
        missed_errors: s.rxMissedErrors,
        ...(s.rxNohandler !== 0n && { nohandler: s.rxNohandler }),
        ...(s.rxOtherhostDropped !== 0n && { otherhost: s.rxOtherhostDropped }),
      }),
    },
    tx: {
      bytes: s.txBytes,
      packets: s.txPackets,
      errors: s.txErrors,
      dropped: s.txDropped,
      carrier_errors: s.txCarrierErrors,
      collisions: s.collisions,
      ...(s.txCompressed !== 0n && { compressed: s.txCompressed }),
      ...(errors && {
        aborted_errors: s.txAbortedErrors,
        fifo_errors: s.txFifoErrors,
        window_errors: s.txWindowErrors,
        heartbeat_errors: s.txHeartbeatErrors,
        ...(link.carrierChanges !== undefined && { carrier_changes: link.carrierChanges }),
      }),
    },
  };
}

const HEADINGS = [
  '*X errors:',
  'packets',
  'errors',
  'dropped',
  'heartbt',
  'overrun',
  'compressed',
  'otherhost',
];

function table(s: Counters, link: Link, errors: boolean, desk: LinkDesk): string {
  const { options } = desk;
  const changes = BigInt(link.carrierChanges ?? 0);
  const rx = [s.rxBytes, s.rxPackets, s.rxErrors, s.rxDropped, s.rxMissedErrors, s.multicast, s.rxCompressed];
  const rxErrors = [
    0n,
    s.rxLengthErrors,
    s.rxCrcErrors,
    s.rxFrameErrors,
    s.rxFifoErrors,
    s.rxOverErrors,
    s.rxNohandler,
    s.rxOtherhostDropped,
  ];
  const tx = [
    s.txBytes,
    s.txPackets,
    s.txErrors,
    s.txDropped,
    s.txCarrierErrors,
    s.collisions,
    s.txCompressed,
  ];
  // The sizes of the last row's columns are those of one column further left than they are printed in.
  const txErrorSizes = [
    0n,
    0n,
    s.txAbortedErrors,
    s.txFifoErrors,
    s.txWindowErrors,
    s.txHeartbeatErrors,
    changes,
  ];
  const width = HEADINGS.map((heading) => heading.length);
  // Human-readable numbers never outgrow their headings.
  for (const row of options.human ? [] : [rx, ...(errors ? [rxErrors, txErrorSizes] : []), tx])
    for (const [i, value] of row.entries()) width[i] = Math.max(width[i] ?? 0, value.toString().length);

  const end = lineBreak(options);
  const column = (i: number, text: string, extra = 0) => text.padStart((width[i] ?? 0) + extra);
  const values = (first: number, cells: readonly Cell[]) =>
    cells
      .map((cell, i) => (cell === undefined ? '' : `${column(first + i, counter(cell, options))} `))
      .join('');
  const heading = (start: string, words: readonly string[]) =>
    `    ${start} ${column(0, 'bytes', -4)} ${words.map((word, i) => column(i + 1, word)).join(' ')}${end}    `;

  const ifSet = (value: bigint) => (value === 0n ? undefined : value);
  let text = heading('RX:', [
    'packets',
    'errors',
    'dropped',
    'missed',
    'mcast',
    s.rxCompressed === 0n ? '' : 'compressed',
  ]);
  text += values(0, [...rx.slice(0, 6), ifSet(s.rxCompressed)]);
  if (errors) {
    const more = [
      s.rxNohandler === 0n ? '' : column(6, ' nohandler', 1),
      s.rxOtherhostDropped === 0n ? '' : column(7, ' otherhost', 1),
    ].join('');
    const words = ['length', 'crc', 'frame', 'fifo', 'overrun']
      .map((word, i) => column(i + 1, word))
      .join(' ');
    text += `${end}    RX errors:${column(0, '', -10)} ${words}${more}${end}${column(0, '', 5)}`;
    text += values(1, [...rxErrors.slice(1, 6), ifSet(s.rxNohandler), ifSet(s.rxOtherhostDropped)]);
  }
  text += end;
  text += heading('TX:', [
    'packets',
    'errors',
    'dropped',
    'carrier',
    'collsns',
    s.txCompressed === 0n ? '' : 'compressed',
  ]);
  text += values(0, [...tx.slice(0, 6), ifSet(s.txCompressed)]);
  if (errors) {
    const known = link.carrierChanges !== undefined;
    const words = ['aborted', 'fifo', 'window', 'heartbt', known ? 'transns' : '']
      .map((word, i) => column(i + 1, word))
      .join(' ');
    text += `${end}    TX errors:${column(0, '', -10)} ${words}${end}${column(0, '', 5)}`;
    text += values(1, [
      s.txAbortedErrors,
      s.txFifoErrors,
      s.txWindowErrors,
      s.txHeartbeatErrors,
      known ? changes : undefined,
    ]);
  }
  return text;
}
