import type { RequestNames } from './ext-ack.ts';

export interface CoreOptions {
  /** 'route', 'generic', ... for the registry. */
  readonly protocolName: string;
  readonly attributeNames: ((type: number) => RequestNames | undefined) | undefined;
  /** Milliseconds without a sign of life after which an abandoned dump is taken for ended. */
  readonly drainTimeout: number;
  /** The sequence number before the first. */
  readonly lastSeq: number;
}
