/** Flat-fd assertions for anyone's tests: `import { expectFlatFds } from 'cofferdam/testing'`. */
export { compareMeasurements, type LeakedResource, type Witness } from './compare.ts';
export { expectFlatFds, type FlatFdsOptions, observeFds } from './flat-fds.ts';
export { type FdMeasurement, type LibuvHandle, measureFds } from './measure.ts';
export { type FdCounts, type FlatFdsReport, formatReport, LeakError } from './report.ts';
