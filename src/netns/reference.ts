/** How a network namespace is named in options. */
import { ClosedError, InvalidArgumentError } from '../handle/index.ts';
import { Netns, type NetnsReference } from './netns.ts';

/** A namespace to work with for a moment. Dispose it: one that was opened for the moment is closed then. */
export interface ResolvedNetns extends Disposable {
  readonly netns: Netns;
  /** True if it was opened here, false if it is the caller's own, which stays open. */
  readonly owned: boolean;
}

/**
 * Opens what is not open yet.
 *
 * ```ts
 * using resolved = await resolveNetns(options.netns);
 * binding.openNetlink({ netnsFd: resolved.netns.fd, ... });
 * ```
 *
 * @throws ClosedError for a namespace that is closed already; otherwise as Netns.open and Netns.of
 */
export async function resolveNetns(reference: NetnsReference): Promise<ResolvedNetns> {
  if (reference instanceof Netns) {
    if (reference.state !== 'open') throw new ClosedError('the network namespace given is closed');
    return { netns: reference, owned: false, [Symbol.dispose]() {} };
  }
  let netns: Netns;
  if (typeof reference === 'string') netns = await Netns.open(reference);
  else if (typeof reference === 'number') netns = await Netns.of(reference);
  else if (typeof reference?.fd === 'number') netns = await Netns.fromFd(reference.fd);
  else {
    throw new InvalidArgumentError(
      'netns',
      reference,
      'is no network namespace',
      'a name, a path, a pid, a Netns or { fd }',
    );
  }
  return { netns, owned: true, [Symbol.dispose]: () => netns.close() };
}
