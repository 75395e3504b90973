import type { LinkXstats } from '../../route/link.ts';
import { FindingError, UsageError, Words, wrongArgument } from '../args.ts';
import { Sheet } from '../show/route-sheet.ts';
import type { JsonObject, ShowContext, Shown } from '../show/view.ts';

/** `ip link xstats` and `ip link afstats`. */

const COLUMN = ' '.repeat(16);

type Bridge = NonNullable<NonNullable<LinkXstats['own']>['bridge']>;
type Bond = NonNullable<NonNullable<LinkXstats['own']>['bond']>;
interface Directions {
  rx?: bigint;
  tx?: bigint;
}

/** By version: `RX: v1 0 v2 0 v3 0`, and the same for TX. */
function putVersions(
  sheet: Sheet,
  key: string,
  title: string,
  versions: readonly (Directions | undefined)[],
): void {
  const line = (direction: 'rx' | 'tx') =>
    `${COLUMN}      ${direction.toUpperCase()}: ${versions.map((v, i) => `v${i + 1} ${v?.[direction] ?? 0n}`).join(' ')}\n`;
  const json: JsonObject = {};
  for (const direction of ['rx', 'tx'] as const)
    for (const [i, version] of versions.entries())
      json[`${direction}_v${i + 1}`] = version?.[direction] ?? 0n;
  sheet.put(key, json, `${COLUMN}    ${title}:\n${line('rx')}${line('tx')}`);
}

function putBoth(sheet: Sheet, key: string, title: string, { rx = 0n, tx = 0n }: Directions = {}): void {
  sheet.put(key, { rx, tx }, `${COLUMN}    ${title}: RX: ${rx} TX: ${tx}\n`);
}

function putMulticast(sheet: Sheet, m: NonNullable<Bridge['mcast']>): void {
  const inner = new Sheet();
  putVersions(inner, 'igmp_queries', 'IGMP queries', [m.igmpV1queries, m.igmpV2queries, m.igmpV3queries]);
  putVersions(inner, 'igmp_reports', 'IGMP reports', [m.igmpV1reports, m.igmpV2reports, m.igmpV3reports]);
  putBoth(inner, 'igmp_leaves', 'IGMP leaves', m.igmpLeaves);
  const igmp = m.igmpParseErrors ?? 0n;
  inner.put('igmp_parse_errors', igmp, `${COLUMN}    IGMP parse errors: ${igmp}\n`);
  putVersions(inner, 'mld_queries', 'MLD queries', [m.mldV1queries, m.mldV2queries]);
  putVersions(inner, 'mld_reports', 'MLD reports', [m.mldV1reports, m.mldV2reports]);
  putBoth(inner, 'mld_leaves', 'MLD leaves', m.mldLeaves);
  const mld = m.mldParseErrors ?? 0n;
  inner.put('mld_parse_errors', mld, `${COLUMN}    MLD parse errors: ${mld}\n`);
  sheet.put('multicast', inner.json, inner.text);
}

function putStp(sheet: Sheet, s: NonNullable<Bridge['stp']>): void {
  const { rxBpdu = 0n, txBpdu = 0n, rxTcn = 0n, txTcn = 0n, transitionBlk = 0n, transitionFwd = 0n } = s;
  sheet.put(
    'stp',
    {
      rx_bpdu: rxBpdu,
      tx_bpdu: txBpdu,
      rx_tcn: rxTcn,
      tx_tcn: txTcn,
      transition_blk: transitionBlk,
      transition_fwd: transitionFwd,
    },
    `${COLUMN}    STP BPDU:  RX: ${rxBpdu} TX: ${txBpdu}\n` +
      `${COLUMN}    STP TCN:   RX: ${rxTcn} TX: ${txTcn}\n` +
      `${COLUMN}    STP Transitions: Blocked: ${transitionBlk} Forwarding: ${transitionFwd}\n`,
  );
}

const LACP: readonly (readonly [field: string, key: string, title: string])[] = [
  ['lacpduRx', 'lacpdu_rx', 'LACPDU Rx'],
  ['lacpduTx', 'lacpdu_tx', 'LACPDU Tx'],
  ['lacpduUnknownRx', 'lacpdu_unknown_rx', 'LACPDU Unknown type Rx'],
  ['lacpduIllegalRx', 'lacpdu_illegal_rx', 'LACPDU Illegal Rx'],
  ['markerRx', 'marker_rx', 'Marker Rx'],
  ['markerTx', 'marker_tx', 'Marker Tx'],
  ['markerResponseRx', 'marker_response_rx', 'Marker response Rx'],
  ['markerResponseTx', 'marker_response_tx', 'Marker response Tx'],
  ['markerUnknownRx', 'marker_unknown_rx', 'Marker unknown type Rx'],
];

function putLacp(sheet: Sheet, lacp: NonNullable<Bond['802.3ad']>): void {
  const inner = new Sheet();
  const counters: Readonly<Record<string, unknown>> = lacp;
  for (const [field, key, title] of LACP) {
    const value = counters[field];
    if (typeof value === 'bigint') inner.put(key, value, `${COLUMN}    ${title} ${value}\n`);
  }
  sheet.put('802.3ad', inner.json, inner.text);
}

/** Which words choose a part of a kind's counters. */
const PARTS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  bridge: { igmp: 'mcast', mcast: 'mcast', stp: 'stp' },
  bond: { lacp: '802.3ad', '802.3ad': '802.3ad' },
};

/** `xstats type TYPE [ PART ] [ dev DEVICE ]`. */
export async function showXstats(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  if (!words.more) throw new UsageError('xstats: missing argument');
  if (!words.takeAbbreviated('type')) throw wrongArgument(words.need(), 'unknown argument');
  const type = words.next();
  const kind = type.replace(/_slave$/, '');
  const parts = PARTS[kind];
  if (parts === undefined) throw new UsageError(`xstats: link type ${type} doesn't support xstats`);
  let part: string | undefined;
  let device: number | undefined;
  while (words.more) {
    if (words.take('dev')) device = await context.linkIndex(words.next());
    else {
      const word = words.next();
      part = Object.hasOwn(parts, word) ? parts[word] : undefined;
      if (part === undefined) throw wrongArgument(word, 'unknown attribute');
    }
  }
  const sheets: Sheet[] = [];
  for (const link of await context.rt.link.xstats()) {
    const stats = (type === kind ? link.own : link.port)?.[kind as 'bridge' | 'bond'];
    if (stats === undefined || (device !== undefined && link.ifindex !== device)) continue;
    const sheet = new Sheet();
    const name = link.ifname ?? `if${link.ifindex}`;
    sheet.put('ifname', name, `${name.padEnd(16)}\n`);
    const wanted = (one: string) => part === undefined || part === one;
    const { mcast, stp } = stats as Bridge;
    const lacp = (stats as Bond)['802.3ad'];
    if (mcast !== undefined && wanted('mcast')) putMulticast(sheet, mcast);
    if (stp !== undefined && wanted('stp')) putStp(sheet, stp);
    if (lacp !== undefined && wanted('802.3ad')) putLacp(sheet, lacp);
    sheets.push(sheet);
  }
  return { json: sheets.map(({ json }) => json), text: sheets.map(({ text }) => text).join('') };
}

/** `afstats [ dev DEVICE ]`: MPLS counts for itself. `ip -j` prints members without an object here, which is no JSON. */
export async function showAfstats(args: readonly string[], context: ShowContext): Promise<Shown> {
  const words = new Words(args);
  let device: number | undefined;
  while (words.more) {
    if (!words.take('dev'))
      throw new UsageError(`Command "${words.need()}" is unknown, try "cofferdam link help".`);
    const name = words.next();
    device = (await context.linkNames()).indexOf(name);
    if (device === undefined) throw new FindingError(`Device "${name}" does not exist.`);
  }
  const sheets: Sheet[] = [];
  for (const { ifindex, ifname = `if${ifindex}`, families } of await context.rt.link.xstats()) {
    const stats = families?.mpls?.link;
    if (stats === undefined || (device !== undefined && ifindex !== device)) continue;
    const sheet = new Sheet();
    sheet.put('ifindex', ifindex, `${ifindex}:`);
    sheet.put('ifname', ifname, `${ifname}\n`);
    const { rxBytes = 0n, rxPackets = 0n, rxErrors = 0n, rxDropped = 0n, rxNoroute = 0n } = stats;
    const { txBytes = 0n, txPackets = 0n, txErrors = 0n, txDropped = 0n } = stats;
    sheet.put(
      'mpls_stats',
      {
        rx: { bytes: rxBytes, packets: rxPackets, errors: rxErrors, dropped: rxDropped, noroute: rxNoroute },
        tx: { bytes: txBytes, packets: txPackets, errors: txErrors, dropped: txDropped },
      },
      `    mpls:\n${row('RX', [rxBytes, rxPackets, rxErrors, rxDropped, rxNoroute])}${row('TX', [txBytes, txPackets, txErrors, txDropped])}`,
    );
    sheets.push(sheet);
  }
  return { json: sheets.map(({ json }) => json), text: sheets.map(({ text }) => text).join('') };
}

const HEADINGS = ['bytes', 'packets', 'errors', 'dropped', 'noroute'];

function row(name: string, values: readonly bigint[]): string {
  const width = (i: number) => Math.max(HEADINGS[i]?.length ?? 0, values[i]?.toString().length ?? 0);
  const heading = values.map((_, i) => (HEADINGS[i] ?? '').padStart(width(i))).join(' ');
  return `        ${name}: ${heading}\n            ${values.map((value, i) => value.toString().padStart(width(i))).join(' ')}\n`;
}
