import { type ExplainedMessage, explain } from '../netlink/explain.ts';
import { controller } from './controller.ts';
import { ethtoolFamily } from './ethtool/wire.ts';
import type { FamilyDefinition } from './message.ts';

const FAMILIES: Readonly<Record<string, FamilyDefinition>> = {
  [controller.name]: controller,
  [ethtoolFamily.name]: ethtoolFamily,
};

/**
 * What the bytes of generic netlink's messages mean: those of the controller, or of another family that has tables here.
 * Whether a message asks or answers cannot be seen: kernels put a port id into answers, programs mostly none.
 */
export function explainGeneric(bytes: Uint8Array, familyName: string = controller.name): ExplainedMessage[] {
  const family = FAMILIES[familyName];
  return explain(bytes, (_type, payload) => {
    const commands = Object.values(family?.commands ?? {});
    const command = commands.find(({ id }) => id === payload[0]);
    // The controller answers with other numbers than it is asked by, and one table says all of it.
    const attributes = (command ?? (family === controller ? commands[0] : undefined))?.request;
    return {
      name: `${familyName} ${command?.name ?? `command ${payload[0] ?? '?'}`}`,
      headerName: 'genlmsghdr',
      header: [
        ['cmd', 'u8'],
        ['version', 'u8'],
        ['', 'pad'],
        ['', 'pad'],
      ],
      attributes,
    };
  });
}
