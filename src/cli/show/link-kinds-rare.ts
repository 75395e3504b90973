import type { Dsa, Gtp, Hsr, Ipoib, Macsec, Netkit, Rmnet, Wwan } from '../../route/link.ts';
import type { LinkDesk } from './link-desk.ts';
import { putNumber, putOneOf, putOnOff, putWord } from './link-kinds-words.ts';
import type { Sheet } from './route-sheet.ts';

export function putMacsec(sheet: Sheet, m: Macsec): void {
  putWord(sheet, 'sci', m.sci);
  putOnOff(sheet, 'protect', m.protect);
  // The standard's name for it and the kernel's are one to `ip`.
  const cipher = m.cipherSuite === 'default' ? 'GCM-AES-128' : m.cipherSuite;
  if (cipher !== undefined)
    putWord(sheet, 'cipher_suite', cipher.startsWith('0x') ? '(unknown)' : cipher, 'cipher');
  putNumber(sheet, 'icv_len', m.icvLen, 'icvlen');
  putNumber(sheet, 'encoding_sa', m.encodingSa, 'encodingsa');
  const unknown = '(unknown)';
  putOneOf(sheet, 'validation', m.validation, ['disabled', 'check', 'strict'], {
    word: 'validate',
    instead: unknown,
  });
  putOneOf(sheet, 'offload', m.offload, ['off', 'phy', 'mac'], { instead: unknown });
  putOnOff(sheet, 'encrypt', m.encrypt);
  putOnOff(sheet, 'inc_sci', m.incSci, 'send_sci');
  putOnOff(sheet, 'es', m.es, 'end_station');
  putOnOff(sheet, 'scb', m.scb);
  putOnOff(sheet, 'replay_protect', m.replayProtect, 'replay');
  // `ip` prints it with a sign.
  if (m.window !== undefined) sheet.put('window', m.window | 0, `window ${m.window | 0} `);
}

export function putHsr(sheet: Sheet, h: Hsr, desk: LinkDesk): void {
  const slave = (key: 'slave1' | 'slave2', index: number | undefined) => {
    if (index === undefined) sheet.put(key, null, `${key} <none> `);
    else putWord(sheet, key, desk.links.nameOf(index));
  };
  slave('slave1', h.slave1Index);
  slave('slave2', h.slave2Index);
  putNumber(sheet, 'seq_nr', h.seqNr, 'sequence');
  putWord(sheet, 'supervision_addr', h.supervisionAddr, 'supervision');
  putNumber(sheet, 'proto', h.proto);
}

export function putGtp(sheet: Sheet, g: Gtp): void {
  putOneOf(sheet, 'role', g.role, ['ggsn', 'sgsn'], { instead: 'unknown' });
  putNumber(sheet, 'hsize', g.hsize);
  putNumber(sheet, 'restart_count', g.restartCount);
}

export function putIpoib(sheet: Sheet, i: Ipoib): void {
  const hex = (value: number) => value.toString(16).padStart(4, '0');
  if (i.pkey === undefined) return;
  // printf's %#.4x has no prefix for 0.
  const pkey = i.pkey === 0 ? '0000' : `0x${hex(i.pkey)}`;
  sheet.put('key', pkey, `pkey ${pkey} `);
  if (i.mode === undefined) return;
  putOneOf(sheet, 'mode', i.mode, ['datagram', 'connected'], { instead: 'unknown' });
  if (i.umcast !== undefined) putWord(sheet, 'umcast', hex(i.umcast));
}

export function putRmnet(sheet: Sheet, r: Rmnet): void {
  putNumber(sheet, 'mux_id', r.muxId);
}

export function putWwan(sheet: Sheet, w: Wwan): void {
  putNumber(sheet, 'linkid', w.linkid);
}

export function putDsa(sheet: Sheet, d: Dsa, desk: LinkDesk): void {
  if (d.conduitIndex !== undefined) putWord(sheet, 'conduit', desk.links.nameOf(d.conduitIndex));
}

/** `ip` 6.1 does not know the kind: these are the words of later ones. */
export function putNetkit(sheet: Sheet, n: Netkit): void {
  putWord(sheet, 'mode', n.mode);
  if (n.primary !== undefined) putWord(sheet, 'type', n.primary ? 'primary' : 'peer');
  putWord(sheet, 'policy', n.policy);
  putWord(sheet, 'peer_policy', n.peerPolicy, 'peer policy');
  putWord(sheet, 'scrub', n.scrub);
  putWord(sheet, 'peer_scrub', n.peerScrub, 'peer scrub');
  putNumber(sheet, 'headroom', n.headroom);
  putNumber(sheet, 'tailroom', n.tailroom);
}
