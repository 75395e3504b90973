/** Where in a configuration a value is, and who is told of what is wrong with it. */
import { InvalidArgumentError } from '../../handle/index.ts';

export type Path = readonly (string | number)[];

/** What was found at a path. `subject` says whether the name of a field is meant, or what it is set to. */
export interface Finding {
  readonly path: Path;
  readonly subject: 'key' | 'value';
  readonly value: unknown;
  readonly problem: string;
  readonly remedy: string;
  readonly nearest?: string | undefined;
}

/** A refusal with the word that was probably meant. */
export class MisspeltError extends InvalidArgumentError {
  readonly nearest: string | undefined;

  constructor(
    field: string,
    value: unknown,
    problem: string,
    remedy: string,
    nearestWord: string | undefined,
  ) {
    super(field, value, problem, remedy);
    this.nearest = nearestWord;
  }
}

/** Something in an object is wrong that cannot be done without; what it is has been noted. */
export class IncompleteError extends Error {}

/** The text of a value as a file has it: 1.10 is a number without its last digit otherwise. */
export type WrittenText = (path: Path) => string | undefined;

export class Place {
  readonly path: Path;
  readonly findings: Finding[];
  readonly #written: WrittenText | undefined;

  constructor(path: Path = [], findings: Finding[] = [], written?: WrittenText) {
    this.path = path;
    this.findings = findings;
    this.#written = written;
  }

  /** As errors name it: 'root.binds[0].source'. */
  get field(): string {
    return fieldName(this.path);
  }

  /** What the file says here, where it is a plain word. */
  get written(): string | undefined {
    return this.#written?.(this.path);
  }

  at(step: string | number): Place {
    return new Place([...this.path, step], this.findings, this.#written);
  }

  find(finding: Omit<Finding, 'path' | 'subject'> & { readonly subject?: Finding['subject'] }): void {
    this.findings.push({ subject: 'value', ...finding, path: this.path });
  }

  /** What `read` answers; undefined where it refuses, which is noted. */
  attempt<T>(read: () => T): { readonly value: T } | undefined {
    try {
      return { value: read() };
    } catch (error) {
      if (error instanceof IncompleteError) return undefined;
      if (!(error instanceof InvalidArgumentError)) throw error;
      const { value, problem, remedy } = error;
      const word = error instanceof MisspeltError ? error.nearest : undefined;
      this.find({ value, problem, remedy, nearest: word });
      return undefined;
    }
  }

  /** Whether something is wrong with a field, with what it is in, or with what is in it. */
  isFaulty(...steps: string[]): boolean {
    const path = [...this.path, ...steps];
    return this.findings.some(
      (finding) =>
        finding.subject === 'value' &&
        path.every((step, i) => i >= finding.path.length || finding.path[i] === step),
    );
  }
}

/** Fields are named by keys joined with points; keys that are no words stand in brackets, as in JavaScript. */
export function fieldName(path: Path): string {
  let name = '';
  for (const step of path) {
    if (typeof step === 'number') name += `[${step}]`;
    else if (!/^[\w-]+$/.test(step)) name += `[${JSON.stringify(step)}]`;
    else name += name === '' ? step : `.${step}`;
  }
  return name || 'system';
}
