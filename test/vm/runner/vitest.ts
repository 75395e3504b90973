/**
 * Stands in for vitest where tests run in a guest: the parts that vitest itself is made of, without its server and its
 * workers, which would take an emulated machine half a minute. What tests import from 'vitest' and is missing here fails
 * when they are put together.
 */
import {
  ASYMMETRIC_MATCHERS_OBJECT,
  chai,
  type ExpectStatic,
  GLOBAL_EXPECT,
  JestAsymmetricMatchers,
  JestChaiExpect,
  JestExtend,
  setState,
} from '@vitest/expect';
import { getCurrentTest } from '@vitest/runner';
import { fn, spyOn } from '@vitest/spy';

export {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  it,
  onTestFinished,
  test,
} from '@vitest/runner';

for (const plugin of [JestExtend, JestChaiExpect, JestAsymmetricMatchers]) chai.use(plugin);

/** As vitest makes it: an assertion of chai that knows which test it is in, for what it says when it fails later. */
function assertion(value: unknown, message?: string): unknown {
  const made = chai.expect(value, message) as unknown as { withTest(test: unknown): unknown };
  const test = getCurrentTest();
  return test === undefined ? made : made.withTest(test);
}

export const expect = Object.assign(
  assertion,
  chai.expect,
  Reflect.get(globalThis, ASYMMETRIC_MATCHERS_OBJECT),
) as unknown as ExpectStatic;
setState({ assertionCalls: 0, isExpectingAssertions: false, isExpectingAssertionsError: null }, expect);
Object.defineProperty(globalThis, GLOBAL_EXPECT, { value: expect });

/** Of vitest's helpers those that need no server. */
export const vi = { fn, spyOn };
