import { expect } from 'vitest';
import type { LineOptions, Twin } from './twin.ts';

/** Runs every line of the text in both namespaces, and fails with all that differ. */
export async function expectEqualLines(twin: Twin, text: string, options: LineOptions): Promise<void> {
  const found: string[] = [];
  for (const line of text.split('\n').filter((one) => one.trim() !== '')) {
    const difference = await twin.differs(line, options);
    if (difference !== undefined) found.push(difference);
  }
  expect(found.join('\n\n')).toBe('');
}
