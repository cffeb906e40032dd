/** Class names found in a model's metadata by their indices. */
export type NamesByIndex = ReadonlyMap<number, string>;

const MAX_NAME_LENGTH = 200;
const MAX_INDEX = 100_000;

const SIMPLE_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  "'": "'",
  '"': '"',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

/** Digits after the letter of a hexadecimal escape. */
const HEX_ESCAPES: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

const INTEGER = /\d{1,6}/y;
const SPACE = /\s*/y;

/**
 * Reads class names as exporters write them: the repr of a Python dict (`{0: 'person', 1: "men's shoe"}`) or list, or
 * JSON of either, whose keys are quoted. Nothing is evaluated.
 * @returns undefined where the text is anything else.
 */
export function parseNames(text: string): NamesByIndex | undefined {
  return new NamesParser(text).parse();
}

class NamesParser {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  parse(): NamesByIndex | undefined {
    const names = this.#takes('{')
      ? this.#entries('}', true)
      : this.#takes('[')
        ? this.#entries(']', false)
        : undefined;
    this.#match(SPACE);
    return this.#at === this.#text.length ? names : undefined;
  }

  #entries(close: string, keyed: boolean): NamesByIndex | undefined {
    const names = new Map<number, string>();
    while (!this.#takes(close)) {
      if (names.size > 0 && !this.#takes(',')) return undefined;
      // A comma may come last.
      if (names.size > 0 && this.#takes(close)) return names;
      const index = keyed ? this.#key() : names.size;
      const name = index === undefined ? undefined : this.#string();
      if (index === undefined || name === undefined || names.has(index)) return undefined;
      if (index > MAX_INDEX || name.length > MAX_NAME_LENGTH) return undefined;
      names.set(index, name);
    }
    return names;
  }

  #key(): number | undefined {
    const quoted = this.#string();
    this.#match(SPACE);
    const digits = quoted ?? this.#match(INTEGER);
    return /^\d{1,6}$/.test(digits) && this.#takes(':') ? Number(digits) : undefined;
  }

  #string(): string | undefined {
    const quote = this.#takes("'") ? "'" : this.#takes('"') ? '"' : undefined;
    if (!quote) return undefined;
    let value = '';
    while (this.#at < this.#text.length) {
      const character = this.#text[this.#at++]!;
      if (character === quote) return value;
      const part = character === '\\' ? this.#escape() : character;
      if (part === undefined) return undefined;
      value += part;
    }
    return undefined;
  }

  #escape(): string | undefined {
    const kind = this.#text[this.#at++] ?? '';
    if (Object.hasOwn(SIMPLE_ESCAPES, kind)) return SIMPLE_ESCAPES[kind];
    if (!Object.hasOwn(HEX_ESCAPES, kind)) return undefined;
    const digits = this.#text.slice(this.#at, this.#at + HEX_ESCAPES[kind]!);
    this.#at += digits.length;
    const code = Number.parseInt(digits, 16);
    if (digits.length !== HEX_ESCAPES[kind] || !/^[\da-f]+$/i.test(digits) || code > 0x10ffff) return undefined;
    return String.fromCodePoint(code);
  }

  /** Whether the next character that is no space is this one, which is then passed. */
  #takes(character: string): boolean {
    this.#match(SPACE);
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? '';
    this.#at += found.length;
    return found;
  }
}
