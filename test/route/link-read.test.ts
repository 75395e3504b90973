/** The quick reader of links says what the declarative decoder says: of a kernel full of links, fixtures, and chance. */
import { deepStrictEqual } from 'node:assert';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { walkAttributes, writeAttribute } from '../../src/netlink/wire/attributes.ts';
import { receiveBuffer } from '../../src/netlink/wire/receive-buffer.ts';
import { WireView, WireWriter } from '../../src/netlink/wire/view.ts';
import { ifinfomsg } from '../../src/route/link-attributes.ts';
import { decodeLink } from '../../src/route/link-decode.ts';
import { readLink, readUsual } from '../../src/route/link-read.ts';
import { World } from '../support/diff.ts';
import { fixtures } from './link-fixtures.ts';
import { links } from './link-world.ts';

const OFFSET = 20;

/** The message in the middle of a buffer full of something else. */
function lying(payload: Uint8Array) {
  const memory = new Uint8Array(OFFSET + payload.length + 64).fill(0xee);
  memory.set(payload, OFFSET);
  return { buffer: receiveBuffer(memory), start: OFFSET, end: OFFSET + payload.length };
}

function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

function agree(payload: Uint8Array): void {
  const { buffer, start, end } = lying(payload);
  deepStrictEqual(
    outcome(() => readLink(buffer, start, end)),
    outcome(() => decodeLink(payload)),
  );
}

function isUsual(payload: Uint8Array): boolean {
  const { buffer, start, end } = lying(payload);
  return readUsual(buffer, start, end) !== undefined;
}

interface Attribute {
  type: number;
  nested: boolean;
  value: Uint8Array;
}

function taken(payload: Uint8Array): { header: Uint8Array; attributes: Attribute[] } {
  const view = new WireView(payload);
  const attributes: Attribute[] = [];
  walkAttributes(view, ifinfomsg.size, payload.length, (type, start, end, nested) =>
    attributes.push({ type, nested, value: payload.slice(start, end) }),
  );
  return { header: payload.slice(0, ifinfomsg.size), attributes };
}

function put({ header, attributes }: { header: Uint8Array; attributes: readonly Attribute[] }): Uint8Array {
  const writer = new WireWriter();
  writer.raw(header);
  for (const { type, nested, value } of attributes)
    writeAttribute(writer, type, nested, () => writer.raw(value));
  return writer.bytes.slice();
}

describe('the quick reader of links', () => {
  let world: World;
  let payloads: Uint8Array[];
  beforeAll(async () => {
    world = await World.open();
    world.batch(links());
    const plain = await world.rt.link.listMessages();
    const all = await world.rt.link.listMessages({ mib: true, vf: true });
    payloads = [...plain, ...all].map(({ message }) => message.payload.slice());
  });
  afterAll(async () => {
    await world[Symbol.asyncDispose]();
  });

  it('agrees on every link of a kernel full of them, and reads most of these itself', () => {
    expect(payloads.length).toBeGreaterThan(100);
    for (const payload of payloads) agree(payload);
    expect(payloads.filter(isUsual).length).toBeGreaterThan(payloads.length * 0.9);
  });

  it('says the keys in an order that people like', () => {
    const payload = payloads.find((one) => decodeLink(one).kind === 'veth') as Uint8Array;
    const { buffer, start, end } = lying(payload);
    expect(Object.keys(readLink(buffer, start, end)).slice(0, 5)).toEqual(
      Object.keys(decodeLink(payload)).slice(0, 5),
    );
  });

  for (const { command, hex } of fixtures)
    it(`agrees on what \`${command.slice(0, 60)}\` sends`, () =>
      agree(new Uint8Array(Buffer.from(hex, 'hex'))));

  it('agrees on messages cut short', () => {
    for (const payload of payloads.slice(0, 3))
      for (let end = 0; end < payload.length; end++) agree(payload.slice(0, end));
  });

  it('agrees on messages with bytes changed', () => {
    const change = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 0xff })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(fc.nat(), change, (which, changes) => {
        const payload = (payloads[which % payloads.length] as Uint8Array).slice();
        for (const [at, value] of changes) payload[at % payload.length] = value;
        agree(payload);
      }),
      { numRuns: 2000 },
    );
  });

  it('agrees on attributes left out, doubled, swapped, and of other lengths and kinds', () => {
    let usual = 0;
    const value = fc.uint8Array({ maxLength: 40 });
    const edit = fc.oneof(
      fc.record({ what: fc.constant('leave out' as const), at: fc.nat() }),
      fc.record({ what: fc.constant('double' as const), at: fc.nat() }),
      fc.record({ what: fc.constant('move' as const), at: fc.nat() }),
      fc.record({ what: fc.constant('change' as const), at: fc.nat(), value }),
      fc.record({
        what: fc.constant('add' as const),
        at: fc.nat(),
        type: fc.integer({ min: 0, max: 80 }),
        value,
      }),
      fc.record({ what: fc.constant('nest' as const), at: fc.nat() }),
    );
    fc.assert(
      fc.property(fc.nat(), fc.array(edit, { minLength: 1, maxLength: 3 }), (which, edits) => {
        const parts = taken(payloads[which % payloads.length] as Uint8Array);
        const list = parts.attributes;
        for (const one of edits) {
          const at = one.at % Math.max(1, list.length);
          const found = list[at];
          if (found === undefined) continue;
          if (one.what === 'leave out') list.splice(at, 1);
          else if (one.what === 'double') list.push({ ...found });
          else if (one.what === 'move') list.push(...list.splice(at, 1));
          else if (one.what === 'change') found.value = one.value;
          else if (one.what === 'nest') found.nested = !found.nested;
          else list.splice(at, 0, { type: one.type, nested: false, value: one.value });
        }
        const payload = put(parts);
        agree(payload);
        if (isUsual(payload)) usual++;
      }),
      { numRuns: 2000 },
    );
    expect(usual).toBeGreaterThan(200);
  });

  it('makes lists and parts that are not shared', () => {
    const { buffer, start, end } = lying(payloads[0] as Uint8Array);
    const one = readLink(buffer, start, end);
    one.flags.push('MINE');
    one.afSpec?.inet?.conf?.push(4711);
    deepStrictEqual(readLink(buffer, start, end), decodeLink(payloads[0] as Uint8Array));
  });
});
