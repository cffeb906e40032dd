import { SaxesParser } from 'saxes';
import type { SourceFile } from './dataset.ts';
import { fail } from './fail.ts';
import { textOfFile } from './json.ts';
import { quote } from './names.ts';

export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Of the element itself, without blanks around it. */
  readonly text: string;
}

/** Annotations nest four deep. */
const MAX_DEPTH = 32;

interface OpenElement {
  readonly name: string;
  readonly children: OpenElement[];
  text: string;
}

/**
 * Reads an XML file strictly. Attributes, comments and namespaces are passed over. A document type is refused, and with
 * it every entity but the five that XML has itself: nothing expands and nothing is fetched.
 * @throws AppError naming the file, line and column.
 */
export function parseXml(file: SourceFile): XmlElement {
  const parser = new SaxesParser({ fileName: file.name });
  const open: OpenElement[] = [];
  let root: OpenElement | undefined;
  const refuse = (message: string) => fail(`${file.name}:${parser.line}:${parser.column}: ${message}`);
  parser.on('error', ({ message }) => fail(`${message.slice(0, 300)} (not well-formed XML)`));
  parser.on('doctype', () => refuse('a document type (<!DOCTYPE …>) is not accepted'));
  parser.on('opentag', ({ name }) => {
    if (open.length === MAX_DEPTH) refuse(`elements nest deeper than ${MAX_DEPTH}`);
    const element: OpenElement = { name, children: [], text: '' };
    const parent = open.at(-1);
    if (parent) parent.children.push(element);
    else root = element;
    open.push(element);
  });
  const addText = (text: string) => {
    const element = open.at(-1);
    if (element) element.text += text;
  };
  parser.on('text', addText);
  parser.on('cdata', addText);
  parser.on('closetag', () => {
    const element = open.pop()!;
    element.text = element.text.trim();
  });
  parser.write(textOfFile(file)).close();
  return root ?? refuse('there is no element');
}

/** Writes text for between two tags. @throws AppError for control characters and halves of characters. */
export function escapeXml(text: string): string {
  if (/[\p{Cc}\p{Cs}\uFFFE\uFFFF]/u.test(text)) fail(`XML cannot hold the text ${quote(text)}`);
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;');
}
