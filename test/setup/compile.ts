/** src as plain JavaScript, before the first test: on a busy machine it takes its time, and is nobody's test. */
import { compiledDist } from '../support/compiled.ts';

export default function setup(): void {
  compiledDist();
}
