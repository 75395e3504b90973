import { readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import {
  abortError,
  ClosedError,
  CofferdamError,
  errnoMessage,
  errnoName,
  fromNodeError,
  InvalidArgumentError,
  SystemError,
  systemError,
  TimeoutError,
} from '../../src/handle/index.ts';

describe('errno names', () => {
  it('are the kernel names, for either sign', () => {
    expect(errnoName(-constants.errno.ENOBUFS)).toBe('ENOBUFS');
    expect(errnoName(constants.errno.ENODEV)).toBe('ENODEV');
  });

  it('prefer the names that rtnetlink uses where a number has two', () => {
    expect(errnoName(-11)).toBe('EAGAIN');
    expect(errnoName(-95)).toBe('EOPNOTSUPP');
  });

  it('know ENOTSUPP, which is internal to the kernel but gets out', () => {
    expect(errnoName(-524)).toBe('ENOTSUPP');
    expect(errnoMessage(-524)).toBe('operation not supported');
  });

  it('say so where there is none', () => {
    expect(errnoName(-4000)).toBe('errno 4000');
    expect(errnoMessage(-4000)).toBe('unknown error');
  });
});

describe('SystemError', () => {
  it('reads like an error of Node and carries what is known besides', () => {
    const error = systemError(-2, 'open', { path: '/run/netns/blue', netns: 7, extra: 'x' });
    expect(error).toMatchObject({ errno: -2, code: 'ENOENT', syscall: 'open', netns: 7, extra: 'x' });
    expect(error.message).toBe("ENOENT: no such file or directory, open '/run/netns/blue'");
    expect(error.name).toBe('SystemError');
    expect(error).toBeInstanceOf(CofferdamError);
  });

  it('has no field for what is not known', () => {
    expect('path' in systemError(-1, 'unshare')).toBe(false);
    expect('netns' in systemError(-1, 'unshare', {})).toBe(false);
  });

  it('takes over what node:fs threw', () => {
    let thrown: unknown;
    try {
      readFileSync('/nonexistent/file');
    } catch (error) {
      thrown = fromNodeError(error);
    }
    expect(thrown).toBeInstanceOf(SystemError);
    expect(thrown).toMatchObject({ code: 'ENOENT', errno: -2, syscall: 'open', path: '/nonexistent/file' });
    const other = new TypeError('not of the system');
    expect(fromNodeError(other)).toBe(other);
    expect(fromNodeError('text')).toBe('text');
  });
});

describe('errors of this package', () => {
  it('an invalid argument says what was given and what to give', () => {
    const error = new InvalidArgumentError('mtu', 70_000, 'is out of range', '0 to 65535');
    expect(error.message).toBe('mtu: 70000 is out of range; give 0 to 65535');
    expect(error).toMatchObject({
      code: 'ERR_COFFERDAM_INVALID_ARGUMENT',
      field: 'mtu',
      value: 70_000,
      remedy: '0 to 65535',
    });
  });

  it('show any value, shortly', () => {
    const cyclic: Record<string, unknown> = {};
    cyclic.self = cyclic;
    const shown = (value: unknown): string => new InvalidArgumentError('x', value, 'is bad', 'more').message;
    expect(shown(cyclic)).toBe('x: [object Object] is bad; give more');
    expect(shown(5n)).toBe('x: 5n is bad; give more');
    expect(shown(undefined)).toBe('x: undefined is bad; give more');
    expect(shown(Symbol('s'))).toBe('x: Symbol(s) is bad; give more');
    expect(shown(() => 1)).toBe('x: a function is bad; give more');
    expect(shown('y'.repeat(500)).length).toBeLessThan(110);
  });

  it('have stable codes', () => {
    expect(new ClosedError()).toMatchObject({ code: 'ERR_COFFERDAM_CLOSED', name: 'ClosedError' });
    const timeout = new TimeoutError('RTM_GETLINK', 250);
    expect(timeout).toMatchObject({ code: 'ERR_COFFERDAM_TIMEOUT', timeout: 250, name: 'TimeoutError' });
    expect(timeout.message).toBe('RTM_GETLINK had no answer within 250 ms');
  });

  it('an abort looks like one of Node, its cause is the reason of the signal', () => {
    const reason = new Error('enough');
    const error = abortError(AbortSignal.abort(reason));
    expect(error).toMatchObject({ name: 'AbortError', code: 'ABORT_ERR' });
    expect(error.cause).toBe(reason);
  });
});
