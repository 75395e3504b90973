import type { CoreOptions } from './core-options.ts';
import { NetlinkError } from './error.ts';
import { type ExtAck, resolveAttributePath } from './ext-ack.ts';
import type { Operation } from './operation.ts';
import { MESSAGE_HEADER } from './wire/message.ts';

/** The error for what the kernel refused, with the path of the attribute that it complains of by name. */
export function refusal(
  { request, name }: Operation,
  { errno, extAck }: { readonly errno: number; readonly extAck?: ExtAck },
  netns: number,
  { attributeNames }: CoreOptions,
): NetlinkError {
  const names = request.names ?? attributeNames?.(request.type);
  const path = extAck && names && resolveAttributePath(extAck, request.payload, names, MESSAGE_HEADER);
  const explained = path === undefined ? extAck : { ...extAck, attributePath: path };
  return new NetlinkError(errno, { request, name, extAck: explained, netns });
}
