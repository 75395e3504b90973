// Small things that many cases need.
import { RouteSocket } from 'cofferdam';

/** The call must fail, and with this code (or name): a case of an error that does not happen measures nothing. */
export async function mustFail(code, call) {
  let result;
  try {
    result = await call();
  } catch (error) {
    if (error?.code === code || error?.name === code) return error;
    throw error;
  }
  result?.close?.();
  throw new Error(`expected ${code}, but it succeeded`);
}

/** A socket for all cycles of a case, closed after them. */
export async function sharedSocket(options) {
  const rt = await RouteSocket.open(options);
  return { rt, teardown: () => rt[Symbol.asyncDispose]() };
}

/** A pid that no process has. */
export const NO_PID = 0x3fff_fff0;
