import { CofferdamError } from '../handle/index.ts';

/** A console that only reads was asked to change something. */
export class ReadOnlyError extends CofferdamError {
  /** What was called: 'rt.link.set'. */
  readonly call: string;

  constructor(call: string) {
    super(
      'ERR_COFFERDAM_READ_ONLY',
      `${call}() changes the system, and this console only reads. To allow it: cofferdam repl --allow-write`,
    );
    this.call = call;
  }
}

/** Verbs that change nothing. All others are refused. */
export const READING_VERBS: ReadonlySet<string> = new Set([
  'get',
  'list',
  'table',
  'batches',
  'dump',
  'routerPorts',
  'listGlobal',
  'buckets',
  'getBucket',
]);

/** All verbs that a console offers, where a service has them. */
export const VERBS = [
  'get',
  'list',
  'table',
  'batches',
  'dump',
  'add',
  'replace',
  'change',
  'append',
  'set',
  'del',
  'flush',
  'link',
  'routerPorts',
  'listGlobal',
  'setGlobal',
  'buckets',
  'getBucket',
] as const;
