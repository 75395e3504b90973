import { walkAttributes } from '../../src/netlink/wire/attributes.ts';
import { WireView } from '../../src/netlink/wire/view.ts';

/** The attributes of a message's payload as `number: hex`, in the order of their numbers: the kernel's own varies. */
export function attributesOf(payload: Uint8Array, headerSize: number): string[] {
  const found: [number, string][] = [];
  walkAttributes(new WireView(payload), headerSize, payload.length, (type, start, end) => {
    found.push([type, Buffer.from(payload.subarray(start, end)).toString('hex')]);
  });
  return found.sort(([one], [other]) => one - other).map(([type, hex]) => `${type}: ${hex}`);
}
