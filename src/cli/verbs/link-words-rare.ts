import { parseUnsigned, UsageError, unsigned, wrongArgument } from '../args.ts';
import {
  choice,
  device,
  ETHERNET,
  exact,
  type KindWords,
  number,
  onOff,
  option,
  says,
  U8,
  U16,
} from './link-options.ts';

export const hsrWords: KindWords = {
  options: [
    number('supervision', U8),
    number('version', U8),
    number('proto', U8),
    device('slave1', 'slave1Index'),
    device('slave2', 'slave2Index'),
  ],
};

export const gtpWords: KindWords = {
  options: [
    choice('role', ['sgsn', 'ggsn']),
    option('hsize', (words, data) => {
      data.hsize = unsigned(words.next(), 'PDP hash size too big', 0x1ffff);
    }),
    number('restart_count', U8),
  ].map(exact),
  defaults: { createSockets: true, hsize: 1024 },
  finish({ role }) {
    if (role === undefined) throw new UsageError('gtp: role of the gtp device was not specified');
  },
};

export const rmnetWords: KindWords = { options: [number('mux_id', U16)] };

export const batadvWords: KindWords = {
  options: [
    option('ra', (words, data) => {
      data.ra = words.next();
    }),
  ],
};

export const ipoibWords: KindWords = {
  options: [number('pkey', U16), choice('mode', ['datagram', 'connected']), number('umcast', U16)],
};

export const wwanWords: KindWords = { options: [number('linkid')] };

export const dsaWords: KindWords = { options: [exact(device(['conduit', 'master'], 'conduitIndex'))] };

const CIPHERS = ['gcm-aes-128', 'gcm-aes-256', 'gcm-aes-xpn-128', 'gcm-aes-xpn-256'];

export const macsecWords: KindWords = {
  options: [
    option('sci', (words, data) => {
      const word = words.next();
      if (!/^(0x)?[0-9a-f]{1,16}$/i.test(word)) throw wrongArgument(word, 'expected sci');
      data.sci = word.replace(/^0x/i, '').padStart(16, '0');
    }),
    option('port', (words, data) => {
      const word = words.next();
      const port = parseUnsigned(word, U16);
      if (!port) throw wrongArgument(word, 'expected port');
      data.port = port;
    }),
    option('address', (words, data) => {
      const word = words.next();
      if (!ETHERNET.test(word)) throw wrongArgument(word, 'expected lladdr');
      data.address = word;
    }),
    option('cipher', (words, data) => {
      const word = words.next();
      const known = ['default', ...CIPHERS, ...CIPHERS.map((name) => name.toUpperCase())];
      if (!known.includes(word)) throw wrongArgument(word, `expected: default, ${CIPHERS.join(', ')}`);
      data.cipherSuite = word === 'default' ? word : word.toUpperCase();
    }),
    option('icvlen', (words, data) => {
      data.icvLen = unsigned(words.next(), 'expected ICV length', U8);
    }),
    onOff('encrypt'),
    onOff('send_sci', 'incSci'),
    onOff('end_station', 'es'),
    onOff('scb'),
    onOff('protect'),
    onOff('replay', 'replayProtect'),
    number('window'),
    choice('validate', ['disabled', 'check', 'strict'], { field: 'validation' }),
    option('encodingsa', (words, data) => {
      data.encodingSa = unsigned(words.next(), 'expected an { 0..3 }', 3);
    }),
    choice('offload', ['off', 'phy', 'mac']),
  ].map(exact),
  finish(data) {
    const { incSci, es, scb, replayProtect, window, address, port } = data;
    if ((incSci === true && (es === true || scb === true)) || (es === true && scb === true))
      throw new UsageError('invalid combination of send_sci/end_station/scb');
    if (window !== undefined && replayProtect === undefined)
      throw new UsageError(
        `replay window set, but replay protection not enabled. did you mean 'replay on window ${window}'?`,
      );
    if (window === undefined && replayProtect === true)
      throw new UsageError(
        "replay protection enabled, but no window set. did you mean 'replay on window VALUE'?",
      );
    // `ip` says something of the window whenever it says something of the protection.
    if (window === undefined && replayProtect === false) data.window = 0xffffffff;
    if (typeof address === 'string') {
      if (port === undefined) throw new UsageError('Error: expected port');
      const octets = address.split(':').map((octet) => octet.padStart(2, '0'));
      data.sci = `${octets.join('')}${Number(port).toString(16).padStart(4, '0')}`;
      delete data.address;
      delete data.port;
    }
  },
};

/** In the words of iproute2 6.8, for 6.1 does not know the kind. */
export const netkitWords: KindWords = {
  options: [
    choice('mode', ['l2', 'l3']),
    exact(says('forward', { policy: 'forward' })),
    exact(says('blackhole', { policy: 'blackhole' })),
    choice('scrub', ['default', 'none']),
    option('headroom', (words, data) => {
      data.headroom = unsigned(words.next(), 'invalid headroom', U16);
    }),
    option('tailroom', (words, data) => {
      data.tailroom = unsigned(words.next(), 'invalid tailroom', U16);
    }),
  ],
};
