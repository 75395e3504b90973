import type { CoreOptions } from './core-options.ts';
import { NetlinkError } from './error.ts';
import { type ExtAck, resolveAttributePath } from './ext-ack.ts';
import type { Operation } from './operation.ts';
import { MESSAGE_HEADER } from './wire/message.ts';

/** The error for what the kernel refused, with the path of the attribute that it complains of by name. */
export function refusal(
  { request: first, name: firstName }: Operation,
  { errno, extAck, part }: { readonly errno: number; readonly extAck?: ExtAck; readonly part?: number },
  netns: number,
  { attributeNames }: CoreOptions,
): NetlinkError {
  const request = part === undefined ? first : (first.parts?.[part] ?? first);
  const names = request.names ?? attributeNames?.(request.type);
  const path = extAck && names && resolveAttributePath(extAck, request.payload, names, MESSAGE_HEADER);
  const explained = path === undefined ? extAck : { ...extAck, attributePath: path };
  const name = request === first ? firstName : (request.name ?? names?.name ?? firstName);
  return new NetlinkError(errno, { request, name, extAck: explained, netns });
}
