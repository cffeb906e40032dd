// Damage to what was valid: bytes, text and JSON.

const TOKENS = [
  ...['', '0', '-1', '1e999', '-1e999', 'NaN', 'Infinity', '99999999999999999999', '0.1', '1e-320', '-0', '0x10'],
  ...['null', 'true', '[]', '{}', '""', '"\\ud800"', '\\', '"', "'", ',', ':', '\n', '\r\n', '\t', '\0', '\ufeff'],
  ...['[[[[[[[[', ']]]]', '{"a":', '{"a":1,"a":2}', '"__proto__":', '"constructor":', '../', '/etc/passwd', 'C:\\'],
  ...['<a>', '</a>', '<!DOCTYPE x [', '<!ENTITY a "&a;">', '&a;', '&#x0;', '<![CDATA[', ']]>', '<?xml', 'xmlns='],
  ...['4294967296', '2147483648', '65536', '\u{1F600}', '١', '~~~~', 'data:image/png;base64,', '%00', '$&', '#'],
];

const VALUES = [
  ...[null, true, false, '', 'x', ' ', '1', 'NaN', [], {}, [[]], [null], [[[[]]]], { a: { a: {} } }],
  ...[0, -1, 1.5, 1e308, -1e308, 1e-320, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e20],
  ...[
    { size: [1e9, 1e9], counts: [1e18] },
    { size: [4, 4], counts: '~~~~~~~~~~~~~' },
    { size: [4, 4], counts: [2 ** 53, -1] },
    { size: [2 ** 31, 2 ** 31], counts: '' },
    { size: [0, 0], counts: [] },
    { size: [4], counts: [16] },
  ],
  ...[[[1e7, 0, 0, 1e7, 5, 5]], [[0, 0, 1, 1, 1e300, 2]], [[1, 2, 3]], [0, 0, -5, -5], [1e308, 1e308, 1e308, 1e308]],
];

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

/** Mostly one edit of the bytes, so that what comes after the first check is reached; seldom nothing of them stays. */
export function mutateBytes(random, bytes) {
  if (random.chance(0.02)) return random.bytes(random.below(300));
  let damaged = Buffer.from(bytes);
  for (let edits = howMany(random); edits > 0; edits--) damaged = random.of(EDITS)(random, damaged);
  return damaged;
}

function howMany(random) {
  return random.chance(0.7) ? 1 : 2 + random.below(3);
}

const EDITS = [
  (random, bytes) => {
    if (bytes.length > 0) bytes[random.below(bytes.length)] ^= 1 << random.below(8);
    return bytes;
  },
  (random, bytes) => {
    if (bytes.length > 0) bytes[random.below(bytes.length)] = random.of(EXTREMES) & 0xff;
    return bytes;
  },
  (random, bytes) => bytes.subarray(0, random.below(bytes.length + 1)),
  (random, bytes) => bytes.subarray(random.below(Math.min(bytes.length, 16) + 1)),
  (random, bytes) => splice(bytes, random.below(bytes.length + 1), random.below(12), Buffer.from(random.of(TOKENS))),
  (random, bytes) => splice(bytes, random.below(bytes.length + 1), 0, random.bytes(random.below(9))),
  (random, bytes) => splice(bytes, random.below(bytes.length + 1), random.below(bytes.length + 1), Buffer.alloc(0)),
  // A length or an offset in the file that lies.
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    if (at + 4 <= bytes.length) {
      const value = random.of(EXTREMES);
      if (random.chance(0.5)) bytes.writeUInt32LE(value, at);
      else bytes.writeUInt32BE(value, at);
    }
    return bytes;
  },
  // The same part again and again.
  (random, bytes) => {
    const at = random.below(bytes.length + 1);
    const part = bytes.subarray(at, at + 1 + random.below(40));
    const times = random.chance(0.1) ? random.of([1000, 20_000]) : 2;
    return splice(bytes, at, 0, Buffer.concat(Array.from({ length: times }, () => part)));
  },
  // A number in text becomes another.
  (random, bytes) => {
    const text = bytes.toString('latin1');
    const numbers = [...text.matchAll(/-?\d+(?:\.\d+)?/g)];
    if (numbers.length === 0) return bytes;
    const { index, 0: number } = random.of(numbers);
    return splice(bytes, index, number.length, Buffer.from(random.of(TOKENS)));
  },
];

function splice(bytes, at, removed, inserted) {
  return Buffer.concat([bytes.subarray(0, at), inserted, bytes.subarray(at + removed)]);
}

/** A value of JSON with some of its members exchanged, removed or nested, as text; seldom damaged as text, too. */
export function mutateJson(random, value) {
  const root = { value: structuredClone(value) };
  for (let edits = howMany(random); edits > 0; edits--) {
    const places = placesOf(root);
    if (places.length === 0) break;
    const [parent, key] = random.of(places);
    const choice = random.next();
    if (choice < 0.6) parent[key] = structuredClone(random.of(VALUES));
    else if (choice < 0.7) delete parent[key];
    else if (choice < 0.8) parent[key] = [parent[key]];
    else if (choice < 0.9 && Array.isArray(parent[key])) parent[key] = [...parent[key], ...parent[key]];
    else if (typeof parent[key] === 'number') parent[key] = -parent[key] * 1e6;
    else add(parent, random.of(['__proto__', 'constructor', 'toString', 'id', 'name', 'x']), random.of(VALUES));
  }
  let text = JSON.stringify(root.value) ?? '';
  if (random.chance(0.05)) text = nest(random, text);
  if (random.chance(0.05)) text = text.replace(/"(\w+)":/, (member, key) => `"${key}":${random.of(TOKENS)},${member}`);
  if (random.chance(0.1)) text = text.replaceAll(/-?\d+(\.\d+)?/g, (n) => (random.chance(0.05) ? '1e999' : n));
  const bytes = Buffer.from(text);
  return random.chance(0.1) ? mutateBytes(random, bytes) : bytes;
}

/** As a member of its own, `__proto__` too. The value is copied: the next edit may change it. */
function add(parent, key, value) {
  const member = { value: structuredClone(value), enumerable: true, configurable: true, writable: true };
  Object.defineProperty(parent, key, member);
}

function nest(random, text) {
  const depth = random.of([10, 1000, 100_000]);
  return random.chance(0.5)
    ? `${'['.repeat(depth)}${text}${']'.repeat(depth)}`
    : `${'{"a":'.repeat(depth)}${text}${'}'.repeat(depth)}`;
}

/** Every member of the value, as the object or list that holds it and its key. */
function placesOf(root) {
  const places = [];
  const visit = (node) => {
    if (typeof node !== 'object' || node === null) return;
    for (const key of Object.keys(node)) {
      places.push([node, key]);
      visit(node[key]);
    }
  };
  visit(root);
  return places;
}

/** Options of a request, mostly known ones with wrong values. */
export function hostileFields(random, names) {
  const fields = {};
  for (let n = random.below(4); n > 0; n--) {
    const name = random.chance(0.85) ? random.of(names) : random.of(['__proto__', 'constructor', 'x', '', 'image[]']);
    const value = random.chance(0.5) ? random.of(TOKENS) : JSON.stringify(random.of(VALUES));
    Object.defineProperty(fields, name, { value, enumerable: true, configurable: true });
  }
  return fields;
}
