import fc from 'fast-check';

/**
 * Where random tests begin: the same place each time, so that a run that was green stays green. COFFERDAM_RANDOM_SEED
 * begins elsewhere: a number, or `now`. Whatever fails names its seed.
 */
const asked = process.env.COFFERDAM_RANDOM_SEED ?? '20261121';
export const SEED = asked === 'now' ? Date.now() % 0x7fffffff : Number(asked);
if (!Number.isSafeInteger(SEED))
  throw new TypeError(`COFFERDAM_RANDOM_SEED=${asked} is neither a number nor now`);

fc.configureGlobal({ seed: SEED });
