// The cases. Each says what one cycle is; `cycles` is the number of a full run: 10,000 for what opens something, 100,000
// for a request on an open socket, fewer only where the kernel itself needs milliseconds (and then it says so).
import { batchCases } from './cases-batch.mjs';
import { cgroupCases } from './cases-cgroup.mjs';
import { netnsCases } from './cases-netns.mjs';
import { openCases } from './cases-open.mjs';
import { processCases } from './cases-process.mjs';
import { requestCases } from './cases-request.mjs';
import { shapeCases } from './cases-shape.mjs';
import { systemCases } from './cases-system.mjs';

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} what
 * @property {number} cycles
 * @property {(context: object, cycle: number) => unknown} cycle
 * @property {(given: { world: object, cycles: number }) => object} [setup] what the cycles share
 * @property {boolean} [collects] handles are left to the garbage collector on purpose
 * @property {number} [fdLimit] run in a process of its own with this RLIMIT_NOFILE
 * @property {number} [warmup] cycles before the first count
 * @property {Function} [check] what else must hold: a string says what does not
 */

/** @type {Case[]} */
export const cases = [
  ...openCases,
  ...requestCases,
  ...batchCases,
  ...netnsCases,
  ...cgroupCases,
  ...processCases,
  ...shapeCases,
  ...systemCases,
];
