/** A handle for tests: a real fd of the addon's, a network namespace, in a facade of its own. */
import {
  FdCore,
  type HandleDetail,
  KernelHandle,
  loadBinding,
  type NativeFd,
} from '../../src/handle/index.ts';

export function openNative(): NativeFd {
  const native = loadBinding().openNetns('/proc/self/ns/net');
  if (typeof native === 'number') throw new Error(`openNetns: ${native}`);
  return native;
}

export class TestHandle extends KernelHandle<FdCore> {
  constructor(core: FdCore = new FdCore('test', openNative())) {
    super(core);
  }

  static withDetail(detail: HandleDetail): TestHandle {
    return new TestHandle(new FdCore('test', openNative(), detail));
  }

  get native(): NativeFd {
    return this.core.native;
  }
}

/** Opens handles and drops them. In a function of its own, so that no register of the caller keeps the last. */
export function forget(count: number): void {
  for (let index = 0; index < count; index++) new TestHandle();
}
