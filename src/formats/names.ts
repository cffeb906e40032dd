import { fail } from './fail.ts';

const IMAGE_EXTENSION = /\.(?:jpe?g|png|bmp|webp|tiff?|gif|avif)$/i;

/** `train/a.b.jpg` → `a.b.jpg`. Backslashes separate folders as well, as writers on Windows have it. */
export function baseName(name: string): string {
  return name.slice(Math.max(name.lastIndexOf('/'), name.lastIndexOf('\\')) + 1);
}

/** What images are known by where formats name them differently: no folders, no extension of an image file. */
export function stemOf(name: string): string {
  return baseName(name).replace(IMAGE_EXTENSION, '');
}

/** `.jpg` of `a.jpg`, nothing of `a.b`. */
export function imageExtension(name: string): string {
  return IMAGE_EXTENSION.exec(name)?.[0] ?? '';
}

/** `a.b.txt` → `a.b`, in lower case `.txt` of it: the parts of a file that describes an image. */
export function splitExtension(name: string): { stem: string; extension: string } {
  const base = baseName(name);
  const dot = base.lastIndexOf('.');
  return dot < 0
    ? { stem: base, extension: '' }
    : { stem: base.slice(0, dot), extension: base.slice(dot).toLowerCase() };
}

/** The files of an extension such as `.xml`. @throws AppError where there is none. */
export function filesOf<T extends { readonly name: string }>(files: readonly T[], extension: string): T[] {
  const found = files.filter(({ name }) => splitExtension(name).extension === extension);
  return found.length ? found : fail(`there is no ${extension} file`);
}

/** By UTF-16 code units, which is the same on every machine. */
export function compareNames(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * Names for files that each describe one image: `stem` + `extension`.
 * @throws AppError where two images would share one, or a name cannot be that of a file.
 */
export function fileNames(images: readonly { readonly name: string }[], extension: string): string[] {
  const owners = new Map<string, string>();
  return images.map(({ name }) => {
    const stem = stemOf(name);
    // Control characters, and what Windows takes for a device, a drive or a wildcard.
    const isName = stem !== '' && !/^\.{1,2}$/.test(stem) && !/[\p{Cc}<>:"|?*]/u.test(stem);
    if (!isName) fail(`the image name ${quote(name)} cannot be the name of a file`);
    const other = owners.get(stem);
    if (other !== undefined)
      fail(`the images ${quote(other)} and ${quote(name)} would both be written to ${stem}${extension}`);
    owners.set(stem, name);
    return `${stem}${extension}`;
  });
}

/** Shortened, and with everything that a terminal might obey escaped. */
export function quote(text: string): string {
  const short = text.length > 80 ? `${text.slice(0, 80)}…` : text;
  return `‘${short.replace(/\p{Cc}/gu, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)}’`;
}

/** Names a few of many. */
export function listSome(values: Iterable<number | string>): string {
  const all = [...values].map((value) => (typeof value === 'string' ? quote(value) : String(value)));
  return all.length > 5 ? `${all.slice(0, 5).join(', ')} and ${all.length - 5} more` : all.join(', ');
}
