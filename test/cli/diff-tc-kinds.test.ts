import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCommandLine } from '../../src/cli/options.ts';
import { showContext } from '../../src/cli/session.ts';
import { formatJson } from '../../src/cli/show/json.ts';
import { classSheet } from '../../src/cli/show/tc/class.ts';
import { qdiscSheet } from '../../src/cli/show/tc/qdisc.ts';
import { tcDesk } from '../../src/cli/show/tc/tc-desk.ts';
import { classType } from '../../src/route/class.ts';
import { qdiscType } from '../../src/route/qdisc.ts';
import { compareJson, compareText, describe as inWords, parseIpJson, World } from '../support/diff.ts';
import { shows } from '../support/ip-answers.ts';
import { SEED } from '../support/random.ts';
import type { Bytes } from '../support/random-bytes.ts';
import { CLASSES, QDISCS } from '../support/tc-layouts.ts';
import { classHeader, messages, qdiscHeader } from '../support/tc-messages.ts';

/**
 * Disciplines and classes of every kind, with settings and counters at random, shown by `tc` and by us: neither asks a
 * kernel, both read the same messages. What this kernel has for itself is compared in diff-tc.test.ts.
 */

const RUNS = 60;

describe('disciplines and classes that this kernel may not have, shown by tc and by us', () => {
  let world: World;
  let objects = 0;
  let fields = 0;

  beforeAll(async () => {
    world = await World.open();
    // One discipline and one class: dumps to put the crafted ones in place of.
    world.batch(['link set lo up']);
    world.exec('tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'handle', '1:', 'htb');
    world.exec('tc', 'class', 'add', 'dev', 'lo', 'parent', '1:', 'classid', '1:1', 'htb', 'rate', '1mbit');
  });
  afterAll(async () => {
    console.log(`tc kinds: ${objects} objects, ${fields} fields compared`);
    await world[Symbol.asyncDispose]();
  });

  async function ours(of: 'qdisc' | 'class', flags: readonly string[], payloads: readonly Uint8Array[]) {
    const { options } = parseCommandLine(['tc', ...flags], { environment: {}, terminal: false });
    const desk = await tcDesk(showContext(world.rt, options));
    const sheets = payloads.map((payload) =>
      of === 'qdisc'
        ? qdiscSheet(qdiscType.decode(payload), desk, true)
        : classSheet(classType.decode(payload), desk, { withLink: false, minors: false }),
    );
    return options.json
      ? formatJson(sheets.map(({ json }) => json))
      : sheets.map(({ text }) => text).join('');
  }

  async function compare(of: 'qdisc' | 'class', flags: readonly string[], payloads: readonly Uint8Array[]) {
    const place = of === 'qdisc' ? [] : ['dev', 'lo'];
    const words = ['-n', world.name, ...flags, of, 'show', ...place];
    const expected = shows('tc', words, of === 'qdisc' ? 36 : 40, payloads);
    const actual = await ours(of, flags, payloads);
    const result = flags.includes('-j')
      ? compareJson(parseIpJson(expected), parseIpJson(actual))
      : compareText(expected, actual);
    expect(inWords(result.differences), `${flags.join(' ')}, seed ${SEED}`).toBe('');
    objects += result.objects;
    fields += result.fields;
  }

  const sample = (arbitrary: Bytes) => fc.sample(arbitrary, { numRuns: RUNS, seed: SEED });
  const TEXT = [[], ['-s', '-d'], ['-r', '-iec']];

  for (const [kind, layout] of Object.entries(QDISCS))
    it(`${kind}, as a discipline`, async () => {
      const payloads = sample(messages(kind, layout, qdiscHeader));
      for (const flags of TEXT) await compare('qdisc', flags, payloads);
      // Of these tc 6.1 writes text into its own JSON.
      if (!['unheard_of', 'hfsc', 'multiq'].includes(kind))
        for (const flags of [['-j'], ['-j', '-s', '-d']]) await compare('qdisc', flags, payloads);
    });

  for (const [kind, layout] of Object.entries(CLASSES))
    it(`${kind}, as a class`, async () => {
      const payloads = sample(messages(kind, layout, classHeader));
      for (const flags of TEXT) await compare('class', flags, payloads);
    });
});
