/** Signals by name and number, signal(7). */
import { constants } from 'node:os';
import { InvalidArgumentError } from '../handle/index.ts';

/** A signal by its name, or by its number, 1 to 64: those from 34 on, the real-time signals, have no names. */
export type Signal = NodeJS.Signals | number;

/** _NSIG of the kernel. */
const LAST_SIGNAL = 64;

const NAMES: ReadonlyMap<number, string> = new Map(
  // SIGIOT, SIGPOLL and SIGUNUSED are second names, and stand behind the first.
  Object.entries(constants.signals)
    .reverse()
    .map(([name, number]) => [number, name]),
);

/** @throws InvalidArgumentError that names `field` */
export function signalNumber(signal: Signal, field = 'signal'): number {
  const number =
    typeof signal === 'string' && Object.hasOwn(constants.signals, signal)
      ? constants.signals[signal]
      : signal;
  if (Number.isInteger(number) && (number as number) >= 1 && (number as number) <= LAST_SIGNAL) {
    return number as number;
  }
  throw new InvalidArgumentError(
    field,
    signal,
    'is no signal',
    `a name such as 'SIGTERM', or 1 to ${LAST_SIGNAL}`,
  );
}

/** 'SIGKILL'; 'SIG40' where there is no name. */
export function signalName(number: number): string {
  return NAMES.get(number) ?? `SIG${number}`;
}
