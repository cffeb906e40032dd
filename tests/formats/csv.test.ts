import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCsv, writeCsv } from '../../src/formats/csv.ts';
import { datasets, fileOf, textOf } from './helpers.ts';

const read = (text: string) => readCsv(fileOf('a.csv', text));
const header = 'filename,width,height,class,xmin,ymin,xmax,ymax,score,difficult,crowd';

describe('CSV', () => {
  it('is read by the names of its columns', () => {
    const dataset = read(
      'Label,image,ymax,xmax,ymin,xmin\r\n"a ""b"", c",x.jpg,5,6,1,2\r\n\r\n,y.jpg,,,,\r\nd,x.jpg,1,1,0,0.5',
    );
    expect(dataset.images.map(({ name }) => name)).toEqual(['x.jpg', 'y.jpg']);
    expect(dataset.categories.map(({ name }) => name)).toEqual(['a "b", c', 'd']);
    expect(dataset.annotations).toEqual([
      { id: 1, imageId: 1, categoryId: 1, box: [2, 1, 4, 4] },
      { id: 2, imageId: 1, categoryId: 2, box: [0.5, 0, 0.5, 1] },
    ]);
  });

  it.each<[string, string, string]>([
    ['no header', '1,2,3', 'must name its columns in the first line; missing: filename, class, xmin'],
    ['nothing', '', 'missing: filename'],
    ['a short line', `${header}\na.jpg,1`, 'a.csv, record 2 has 2 cells for 11 columns'],
    ['no name', `${header}\n,,,cat,1,2,3,4,,,`, 'record 2: filename is empty'],
    ['a word', `${header}\na,,,cat,1,x,3,4,,,`, 'record 2: ymin must be a number of at most 2147483647, got ‘x’'],
    ['a gap', `${header}\na,,,cat,1,,3,4,,,`, 'record 2: ymin must be a number of at most 2147483647, got ‘’'],
    ['NaN', `${header}\na,,,cat,1,NaN,3,4,,,`, 'ymin must be a number of at most 2147483647, got ‘NaN’'],
    ['crossed corners', `${header}\na,,,cat,4,2,3,4,,,`, 'record 2: xmin, ymin, xmax, ymax are 4, 2, 3, 4'],
    ['half a size', `${header}\na,5,,cat,1,2,3,4,,,`, 'record 2: height must be a number of at most 2147483647'],
    ['a negative size', `${header}\na,5,-5,cat,1,2,3,4,,,`, 'must be whole pixels, got 5×-5'],
    ['two sizes', `${header}\na,5,5,,,,,,,,\na,5,6,,,,,,,,`, 'record 3: the size of ‘a’ is 5×6, but it was 5×5 before'],
    ['two images of one name', `${header}\nx/a.jpg,,,,,,,,,,\ny/a.jpg,,,,,,,,,,`, 'both describe the image ‘a’'],
    ['a flag', `${header}\na,,,cat,1,2,3,4,,maybe,`, 'difficult must be 0 or 1, got ‘maybe’'],
    ['an open quote', `${header}\n"a,,,cat,1,2,3,4,,,`, 'record 2: a quote is not closed'],
  ])('refuses %s', (_, text, message) => {
    expect(() => read(text)).toThrow(message);
  });

  it('keeps boxes, flags, scores and images without objects from writing to reading', () => {
    fc.assert(
      fc.property(datasets, (dataset) => {
        const again = readCsv(writeCsv(dataset).files[0]!, dataset);
        const expected = dataset.annotations.map(({ keypoints, segmentation, ...rest }) => rest);
        expect(again).toEqual({ ...dataset, annotations: expected });
        const alone = readCsv(writeCsv(dataset).files[0]!);
        expect(alone.images).toEqual(dataset.images);
      }),
    );
  });

  it('keeps any text in a cell', () => {
    const text = fc.string({ unit: fc.constantFrom(...'a",\n ;'), minLength: 1 }).map((inner) => `x${inner}x`);
    fc.assert(
      fc.property(text, text, (name, label) => {
        const dataset = {
          images: [{ id: 1, name }],
          categories: [{ id: 1, name: label }],
          annotations: [{ id: 1, imageId: 1, categoryId: 1, box: [0, 0, 1, 1] }],
          warnings: [],
        };
        expect(readCsv(writeCsv(dataset).files[0]!)).toEqual(dataset);
        expect(textOf(writeCsv(dataset).files[0])).toContain(header);
      }),
    );
  });
});
