import type { TcStats } from '../../../route/tc-message.ts';
import type { TcSheet } from './tc-desk.ts';
import { formatRate, formatSize } from './units.ts';

/** What `tc -s` prints of every discipline, class and action; `prefix` begins each of its lines. */
export function putTcStats(sheet: TcSheet, stats: TcStats, prefix = ' '): void {
  const { bytes, packets, backlog, qlen } = stats;
  if (bytes !== undefined) {
    sheet.put('bytes', bytes, `${prefix}Sent ${bytes} bytes`);
    sheet.put('packets', packets ?? 0n, ` ${packets ?? 0n} pkt`);
  }
  if (backlog !== undefined) {
    const { drops = 0, overlimits = 0, requeues = 0 } = stats;
    sheet.put('drops', drops, ` (dropped ${drops}`);
    sheet.put('overlimits', overlimits, `, overlimits ${overlimits}`);
    sheet.put('requeues', requeues, ` requeues ${requeues}) `);
  }
  putHardware(sheet, stats, prefix);
  if (stats.rate !== undefined) {
    const { rate, pps = 0 } = stats;
    sheet.put('rate', rate, `\n${prefix}rate ${formatRate(rate, sheet.desk.options)}`);
    sheet.put('pps', pps, ` ${pps}pps`);
  }
  if (backlog !== undefined) {
    if (stats.rate === undefined) sheet.newline();
    sheet.put('backlog', backlog, `${prefix}backlog ${formatSize(backlog)}`);
    sheet.put('qlen', qlen ?? 0, ` ${qlen ?? 0}p`);
    sheet.say(` requeues ${stats.requeues ?? 0}`);
  }
}

function putHardware(sheet: TcSheet, stats: TcStats, prefix: string): void {
  const { bytes, packets = 0n, hwBytes = 0n, hwPackets = 0 } = stats;
  if (hwBytes === 0n && hwPackets === 0) return;
  // tc takes the difference of what fits 32 bits.
  const software = Number(BigInt.asUintN(32, packets)) - hwPackets;
  if (bytes !== undefined && bytes >= hwBytes && software >= 0) {
    sheet.newline();
    sheet.put('sw_bytes', bytes - hwBytes, `${prefix}Sent software ${bytes - hwBytes} bytes`);
    sheet.put('sw_packets', software, ` ${software} pkt`);
  }
  sheet.newline();
  sheet.put('hw_bytes', hwBytes, `${prefix}Sent hardware ${hwBytes} bytes`);
  sheet.put('hw_packets', hwPackets, ` ${hwPackets} pkt`);
}
