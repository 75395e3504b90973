import { setImmediate } from 'node:timers/promises';
import type { MessageSink } from '../netlink/message.ts';
import type { ReceiveBuffer } from '../netlink/wire/receive-buffer.ts';
import type { ObjectType } from './object.ts';

/** What a service says of each object that a dump brings. */
export interface Judge<T> {
  /** Whether a message is worth making an object of. Default: all are. */
  readonly concerns?: ((payload: Uint8Array) => boolean) | undefined;
  matches(object: T): boolean;
  /** The object with the names of the links it speaks of; undefined where one of them is not known yet. */
  named(object: T): T | undefined;
}

/** So many objects lie in one piece: an array that grows to a million copies itself again and again. */
const PIECE = 1 << 14;
/** So many are named in one turn of the loop: a millisecond's work. */
const SLICE = 1 << 13;

/**
 * Makes objects of a dump's messages, where they lie, and keeps those that pass. Objects that speak of links whose
 * names are not known yet are noted, and get them in {@link take}.
 */
export class ObjectSink<T extends object> implements MessageSink {
  readonly #type: ObjectType<T>;
  readonly #judge: Judge<T>;
  /** Full pieces, then the one that is filled. */
  #full: T[][] = [];
  #last: T[] = [];
  /** Where those are that wait for names. */
  #unnamed: number[] = [];
  #handedOut = false;

  constructor(type: ObjectType<T>, judge: Judge<T>) {
    this.#type = type;
    this.#judge = judge;
  }

  message(type: number, _flags: number, buffer: ReceiveBuffer, start: number, end: number): void {
    const kind = this.#type;
    if (type !== kind.messages.new && type !== kind.answer) return;
    const { concerns } = this.#judge;
    if (kind.read !== undefined && concerns === undefined) {
      this.#take(kind.read(buffer, start, end));
      return;
    }
    // Not copied: nothing of the bytes is left in an object.
    const payload = buffer.bytes.subarray(start, end);
    if (concerns?.(payload) === false) return;
    if (kind.decodeAll === undefined) this.#take(kind.decode(payload));
    else for (const object of kind.decodeAll(payload)) this.#take(object);
  }

  restart(problem: unknown): void {
    if (this.#handedOut) throw problem;
    this.#clear();
  }

  /** How many objects it holds. */
  get length(): number {
    return this.#full.length * PIECE + this.#last.length;
  }

  /**
   * All objects, and forgets them: what comes from now on is for the next time, and there is no beginning anew. Names
   * those that waited for names, which all are known by now. The loop gets its turn now and then.
   */
  async take(): Promise<T[]> {
    this.#handedOut = true;
    const pieces = [...this.#full, this.#last];
    const unnamed = this.#unnamed;
    this.#clear();
    for (const [i, at] of unnamed.entries()) {
      if (i % SLICE === SLICE - 1) await setImmediate();
      const piece = pieces[Math.trunc(at / PIECE)] as T[];
      const object = piece[at % PIECE] as T;
      piece[at % PIECE] = this.#judge.named(object) ?? object;
    }
    return pieces.length === 1 ? (pieces[0] as T[]) : ([] as T[]).concat(...pieces);
  }

  #clear(): void {
    this.#full = [];
    this.#last = [];
    this.#unnamed = [];
  }

  #take(object: T): void {
    const judge = this.#judge;
    if (!judge.matches(object)) return;
    let last = this.#last;
    if (last.length === PIECE) {
      this.#full.push(last);
      last = [];
      this.#last = last;
    }
    const named = judge.named(object);
    if (named === undefined) this.#unnamed.push(this.length);
    last.push(named ?? object);
  }
}
